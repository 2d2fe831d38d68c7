"""API keys: make, list, revoke. Where keys are demanded, only a key with the scope ``admin`` may."""

from __future__ import annotations

from fastapi import APIRouter, Response, status

from api.deps import StoreDep
from api.schemas.operations import KeyIn, KeyOut, KeysOut, NewKeyOut
from backprop_evo.service import utc_now

router = APIRouter(prefix="/keys", tags=["keys"])


@router.post("", status_code=status.HTTP_201_CREATED)
def create_key(asked: KeyIn, store: StoreDep, response: Response) -> NewKeyOut:
    """Make a key. ``key`` is shown here and never again, not even under the same ``Idempotency-Key``."""
    response.headers["Cache-Control"] = "no-store"
    record, text = store.keys.issue(asked.label, asked.scope, now=utc_now())
    return NewKeyOut(key=text, **KeyOut.model_validate(record).model_dump())


@router.get("")
def list_keys(store: StoreDep) -> KeysOut:
    """All keys without their secrets, oldest first."""
    return KeysOut(items=[KeyOut.model_validate(key) for key in store.keys.all()])


@router.delete("/{key_id}")
def revoke_key(key_id: str, store: StoreDep) -> KeyOut:
    """Make a key worthless, at once and for ever."""
    return KeyOut.model_validate(store.keys.revoke(key_id, now=utc_now()))
