"""``python -m api``: serve API and pages on the address in the settings until told to stop."""

from __future__ import annotations

import errno
import gc
import socket
import sys

import structlog
import uvicorn

from api.app import create_app
from backprop_evo import telemetry
from backprop_evo.errors import BackpropEvoError, Unavailable
from backprop_evo.logs import configure_logs
from backprop_evo.records.callers import KeyScope
from backprop_evo.service import utc_now
from backprop_evo.settings import Settings, settings
from backprop_evo.store.base import Keys

log = structlog.get_logger(__name__)
GRACE_S = 3
"""An open event stream would otherwise hold the process back for ever (measured: still up after 31 s)."""

KEEP_ALIVE_S = 75
"""Longer than clients and proxies keep an idle connection (5 to 60 s): who closes first is then never the
server, just as a request is on its way (measured at 5 s: one of 2,500 broke)."""


def listen(host: str, port: int) -> socket.socket:
    """A listening socket. Raises ``Unavailable`` naming the port and the variable that changes it."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        made = socket.create_server((host, port), family=family, backlog=2048)
        # Connections inherit it. Without it the second part of an answer waits for the first to be
        # acknowledged, which took 40 ms of every page; asyncio sets it on sockets of its own making only.
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return made
    except OSError as error:
        reason = (
            "is in use" if error.errno == errno.EADDRINUSE else f"cannot be opened: {error.strerror or error}"
        )
        raise Unavailable(
            f"port {port} on {host} {reason}",
            hint="set BACKPROP_EVO_API_PORT to a free port, or stop what listens there",
        ) from None


def show_first_key(keys: Keys) -> None:
    """Where nobody has a key yet, make one that may make others, and show it: this once, past the log."""
    made = keys.issue_first("made at the first start", KeyScope.ADMIN, now=utc_now())
    if made is not None:
        record, text = made
        sys.stderr.write(
            f"\nThe first API key, shown this once: {text}\n"
            f"Make others with it, then: backprop-evo keys revoke {record.id}\n\n"
        )


def serve(chosen: Settings) -> None:
    """Until SIGINT or SIGTERM."""
    with listen(chosen.api_host, chosen.api_port) as listening:
        is_traced = telemetry.begin("api")
        app = create_app(chosen)
        if is_traced:
            telemetry.instrument_app(app)
        if not app.state.store.is_ready():
            log.warning("the database is not ready yet: backprop-evo db upgrade", readiness="/readyz")
        elif chosen.api_keys_required:
            show_first_key(app.state.store.keys)
        log.info("serving", url=f"http://{chosen.api_host}:{chosen.api_port}")
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=GRACE_S,
            timeout_keep_alive=KEEP_ALIVE_S,
            server_header=False,
        )
        # What is loaded by now stays. Looked through for garbage again and again, it would hold a request up
        # for 0.15 s each time.
        gc.freeze()
        uvicorn.Server(config).run(sockets=[listening])


def main() -> int:
    """The exit code: 0, or 2 with one line on standard error for what a person can mend."""
    try:
        chosen = settings()
        configure_logs(chosen.log_format)
        serve(chosen)
    except BackpropEvoError as error:
        sys.stderr.write(f"error: {error.message}\n" + (f"hint: {error.hint}\n" if error.hint else ""))
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
