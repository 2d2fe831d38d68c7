"""The audit trail."""

from __future__ import annotations

from datetime import datetime

from api.schemas.wire import Wire
from backprop_evo.records.callers import ActOutcome


class ActOut(Wire):
    """One act: the key ``caller``, called ``label``, asked for ``verb`` of ``target``. Both are empty where
    no key was demanded. ``detail`` says why it was refused, or what else it made."""

    id: int
    at: datetime
    caller: str
    label: str
    address: str
    request_id: str
    verb: str
    target: str
    outcome: ActOutcome
    detail: str
