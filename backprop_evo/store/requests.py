"""The first answers to requests that came with a key, kept for ``KEPT_FOR`` and given again."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.exc import IntegrityError
from typing_extensions import override

from backprop_evo.records.callers import Answer, EarlierRequest
from backprop_evo.store.base import Requests
from backprop_evo.store.caller_tables import REQUESTS
from backprop_evo.store.engine import Database
from backprop_evo.store.keyed import KeyedRequest, insert_request

# Longer than any client retries, short enough that the table stays small.
KEPT_FOR = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class SqlRequests(Requests):
    """One row a request, written when it acts (``keyed.py``) and completed by its answer."""

    database: Database

    @override
    def find(self, caller: str, key: str) -> EarlierRequest | None:
        with self.database.read() as connection:
            row = connection.execute(
                select(REQUESTS).where(REQUESTS.c.caller == caller, REQUESTS.c.key == key)
            ).one_or_none()
        if row is None:
            return None
        known = row.status is not None
        answer = Answer(status=row.status, headers=json.loads(row.headers), body=row.body) if known else None
        return EarlierRequest(sha256=row.sha256, answer=answer)

    @override
    def keep(self, request: KeyedRequest, answer: Answer) -> None:
        values = {"status": answer.status, "headers": json.dumps(dict(answer.headers)), "body": answer.body}
        mine = (REQUESTS.c.caller == request.caller, REQUESTS.c.key == request.key)
        try:
            with self.database.write() as connection:
                connection.execute(delete(REQUESTS).where(REQUESTS.c.created_at < request.at - KEPT_FOR))
                # Nothing was stored in its name, as with a refusal: it has no row yet.
                if not request.is_marked:
                    insert_request(connection, request)
                connection.execute(update(REQUESTS).where(*mine).values(**values))
        # Another request under this key was answered first; its answer is the one that is repeated.
        except IntegrityError:
            return
