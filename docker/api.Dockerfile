# API and controller: neither imports torch, so neither carries it.
FROM python:3.12-slim

ENV PYTHONUNBUFFERED=1 PIP_NO_CACHE_DIR=1
WORKDIR /app
COPY pyproject.toml constraints.txt README.md LICENSE alembic.ini ./
COPY alembic ./alembic
COPY dsl ./dsl
COPY backprop_evo ./backprop_evo
COPY workers ./workers
COPY api ./api
COPY docker/requirements_without_torch.py /tmp/
RUN python /tmp/requirements_without_torch.py pyproject.toml > /tmp/requirements.txt \
 && pip install --constraint constraints.txt --requirement /tmp/requirements.txt \
 && pip install --no-deps --editable . \
 && useradd --create-home --uid 10001 evo
USER evo
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/livez', timeout=4)"]
CMD ["python", "-m", "api"]
