"""A setting on the wire: everything about a training but method and seed."""

from __future__ import annotations

from api.schemas.wire import Wire
from backprop_evo.records.evaluating import setting_id, setting_words
from backprop_evo.records.training import TrainSpec


class SettingOut(Wire):
    """Only accuracies of one setting may be compared: ``id`` is equal for those, ``description`` is for
    people."""

    id: str
    description: str


def setting_fields(train: TrainSpec) -> dict[str, str]:
    """What ``SettingOut`` says of a train spec."""
    return {"id": setting_id(train), "description": setting_words(train)}
