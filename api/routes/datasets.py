"""The data sets a search may name."""

from __future__ import annotations

from fastapi import APIRouter

from api.schemas.operations import DatasetOut, DatasetsOut
from backprop_evo import data

router = APIRouter(prefix="/datasets", tags=["datasets"])


@router.get("")
def list_datasets() -> DatasetsOut:
    """The catalogue, the bundled data set first."""
    return DatasetsOut(items=[DatasetOut.model_validate(data.dataset_info(name)) for name in data.names()])
