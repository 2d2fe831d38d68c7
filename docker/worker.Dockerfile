# A node: supervises one worker process per GPU (or CPU slot). PyPI's torch carries its CUDA libraries.
FROM python:3.12-slim

ENV PYTHONUNBUFFERED=1 PIP_NO_CACHE_DIR=1
WORKDIR /app
COPY pyproject.toml constraints.txt README.md LICENSE alembic.ini ./
COPY alembic ./alembic
COPY dsl ./dsl
COPY backprop_evo ./backprop_evo
COPY workers ./workers
COPY api ./api
RUN pip install --constraint constraints.txt --editable . \
 && useradd --create-home --uid 10001 evo \
 && install --directory --owner evo /data
ENV BACKPROP_EVO_DATA_DIR=/data
USER evo
HEALTHCHECK --interval=60s --timeout=20s --start-period=60s CMD ["python", "-m", "workers.health"]
CMD ["python", "-m", "workers.node"]
