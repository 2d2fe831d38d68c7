"""The audit trail: what keys did and were refused. Where keys are demanded, only one of the scope ``admin``
reads it."""

from __future__ import annotations

import re
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import AwareDatetime, BeforeValidator

from api.deps import SliceDep, StoreDep
from api.schemas.audit import ActOut
from api.schemas.wire import PageOut
from backprop_evo.records.callers import ActOutcome, AuditFilter
from backprop_evo.records.described import check_texts

DATE = re.compile(r"\d{4}-\d\d-\d\d")


def _dated(text: object) -> object:
    """Not the seconds since 1970, which the library would read as well."""
    if isinstance(text, str) and not DATE.match(text):
        raise ValueError("must be a date and a time with a zone, as 2026-01-31T00:00Z")
    return text


Moment = Annotated[AwareDatetime, BeforeValidator(_dated)]
router = APIRouter(prefix="/audit", tags=["audit"])


@router.get("")
def read_audit(
    store: StoreDep,
    part: SliceDep,
    caller: Annotated[str | None, Query(max_length=64, description="id of a key")] = None,
    label: Annotated[str | None, Query(max_length=200, description="name of a key")] = None,
    verb: Annotated[str | None, Query(max_length=64, description="as pause, create, delete")] = None,
    target: Annotated[str | None, Query(max_length=200, description="as searches/3f0a5c")] = None,
    outcome: Annotated[ActOutcome | None, Query()] = None,
    since: Annotated[Moment | None, Query(description="with a zone; included")] = None,
    until: Annotated[Moment | None, Query(description="with a zone; not included")] = None,
) -> PageOut[ActOut]:
    """Newest first. What was carried out is there from the moment in which it was; rows go after 400 days."""
    texts = {"caller": caller, "label": label, "verb": verb, "target": target}
    for name, text in texts.items():
        check_texts(text or "", name)
    wanted = AuditFilter(**texts, outcome=outcome, since=since, until=until)
    return PageOut[ActOut].of(store.audit.page(wanted, cursor=part.cursor, limit=part.limit))
