"""API keys: ``bpe_<id>_<secret>``, shown once; only the SHA-256 of the secret is stored.

The secret has 256 random bits, so a fast hash is enough: there is nothing to guess.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update
from typing_extensions import override

from backprop_evo.errors import InvalidSettings, NotFound
from backprop_evo.records.callers import KeyRecord, KeyScope
from backprop_evo.records.described import check_texts
from backprop_evo.store.acting import tell_made
from backprop_evo.store.base import Keys
from backprop_evo.store.caller_tables import API_KEYS
from backprop_evo.store.engine import Database

# The id is part of the text, so that one row is read and compared instead of all hashes.
FIRST_KEY_LOCK = 0x6270_6B31  # any number that nothing else in the database locks
KEY_TEXT = re.compile(r"bpe_([0-9a-f]{12})_([A-Za-z0-9-]{20,100})")


@dataclass(frozen=True, slots=True)
class SqlKeys(Keys):
    """Keeps the SHA-256 of each secret."""

    database: Database

    @override
    def issue(self, label: str, scope: KeyScope, *, now: datetime) -> tuple[KeyRecord, str]:
        with self.database.write() as connection:
            return _issue(connection, label, scope, now)

    @override
    def issue_first(self, label: str, scope: KeyScope, *, now: datetime) -> tuple[KeyRecord, str] | None:
        with self.database.write() as connection:
            # Of several processes that start at once, one makes it; SQLite lets one write at a time anyway.
            if connection.dialect.name == "postgresql":
                connection.execute(select(func.pg_advisory_xact_lock(FIRST_KEY_LOCK)))
            if connection.execute(select(func.count()).select_from(API_KEYS)).scalar_one():
                return None
            return _issue(connection, label, scope, now)

    @override
    def all(self) -> Sequence[KeyRecord]:
        with self.database.read() as connection:
            rows = connection.execute(select(API_KEYS).order_by(API_KEYS.c.created_at, API_KEYS.c.id))
            return [_record(row) for row in rows]

    @override
    def revoke(self, key_id: str, *, now: datetime) -> KeyRecord:
        with self.database.write() as connection:
            connection.execute(
                update(API_KEYS)
                # The first revocation's time stays.
                .where(API_KEYS.c.id == key_id, API_KEYS.c.revoked_at.is_(None))
                .values(revoked_at=now)
            )
            row = connection.execute(select(API_KEYS).where(API_KEYS.c.id == key_id)).one_or_none()
        if row is None:
            raise NotFound(f"no key {key_id!r}", hint="list the keys to see their ids")
        return _record(row)

    @override
    def authenticate(self, text: str) -> KeyRecord | None:
        found = KEY_TEXT.fullmatch(text)
        if found is None:
            return None
        with self.database.read() as connection:
            row = connection.execute(select(API_KEYS).where(API_KEYS.c.id == found[1])).one_or_none()
        if row is None or row.revoked_at is not None:
            return None
        # In constant time: how long a wrong guess takes must not tell how much of it was right.
        return _record(row) if hmac.compare_digest(row.secret_sha256, _digest(found[2])) else None


def _issue(connection: Connection, label: str, scope: KeyScope, now: datetime) -> tuple[KeyRecord, str]:
    if not 1 <= len(label.strip()) <= 200:
        raise InvalidSettings("label must have 1 to 200 characters", field="label")
    check_texts(label, "label")
    # The underscore parts id and secret.
    key_id, secret = secrets.token_hex(6), secrets.token_urlsafe(32).replace("_", "-")
    tell_made("keys", key_id)
    connection.execute(
        insert(API_KEYS).values(
            id=key_id,
            label=label.strip(),
            secret_sha256=_digest(secret),
            scope=scope,
            created_at=now,
            revoked_at=None,
        )
    )
    record = KeyRecord(id=key_id, label=label.strip(), scope=scope, created_at=now)
    return record, f"bpe_{key_id}_{secret}"


def _digest(secret: str) -> str:
    # No slow hash: 256 random bits cannot be guessed as a password can.
    return hashlib.sha256(secret.encode()).hexdigest()


def _record(row: Row[Any]) -> KeyRecord:
    return KeyRecord(
        id=row.id,
        label=row.label,
        scope=KeyScope(row.scope),
        created_at=row.created_at,
        revoked_at=row.revoked_at,
    )
