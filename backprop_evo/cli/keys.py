"""``backprop-evo keys``: who may use the API. Works on the database, so that the first key needs no key."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated

import typer

from backprop_evo.records.callers import KeyScope
from backprop_evo.settings import settings
from backprop_evo.store.acting import Act, acting
from backprop_evo.store.base import Keys
from backprop_evo.store.sql import open_store

app = typer.Typer(help="Create, list and revoke API keys.", no_args_is_help=True)


@contextmanager
def _keys() -> Iterator[Keys]:
    store = open_store(settings().resolved_database_url)
    try:
        yield store.keys
    finally:
        store.close()


def _act(verb: str, target: str) -> Act:
    """Whoever reaches the database needs no key, and stands in the audit trail all the same."""
    return Act(
        caller="",
        label="command line",
        address=platform.node(),
        request_id="",
        verb=verb,
        target=target,
        at=datetime.now(UTC),
    )


@app.command()
def create(
    label: Annotated[str, typer.Argument(help="what or who the key is for")],
    scope: Annotated[KeyScope, typer.Option(help="what it may do")] = KeyScope.SUBMIT,
) -> None:
    """Make a key and print it. It cannot be shown again."""
    with _keys() as keys, acting(_act("create", "keys")):
        _, text = keys.issue(label, scope, now=datetime.now(UTC))
    typer.echo(text)


@app.command("list")
def list_keys() -> None:
    """Show all keys, without their secrets."""
    with _keys() as keys:
        for key in keys.all():
            state = f"revoked {key.revoked_at:%Y-%m-%d}" if key.revoked_at else "valid"
            typer.echo(f"{key.id}  {key.scope:<6}  {key.created_at:%Y-%m-%d}  {state:<18}  {key.label}")


@app.command()
def revoke(key_id: Annotated[str, typer.Argument(help="id, as list shows it")]) -> None:
    """Make a key worthless, at once and for ever."""
    with _keys() as keys, acting(_act("delete", f"keys/{key_id}")):
        keys.revoke(key_id, now=datetime.now(UTC))
    typer.echo(f"{key_id} is revoked")
