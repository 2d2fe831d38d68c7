"""Every error a user can cause or meet, in one tree.

    BackpropEvoError
    ├── InvalidInput            what was asked for cannot be (HTTP 422, exit code 2)
    │   ├── InvalidEquation     does not parse, or its shapes cannot match
    │   ├── InvalidSettings     a train spec or search spec that contradicts itself
    │   └── UnknownDataset
    ├── NotFound                no such search, trial, equation (HTTP 404)
    ├── Conflict                not possible in the present state (HTTP 409)
    │   ├── IllegalTransition   carries the verbs that would be legal
    │   └── PreconditionFailed  it moved on from the version that was asked for (HTTP 412)
    ├── DatasetUnusable         a data file is missing, short or does not match its checksum
    ├── DeviceUnusable          the device is not there, is broken, or has no room for the data set
    ├── NotEnded                was waited for longer than was allowed, and goes on
    ├── NotInstalled            an optional library is not there (HTTP 501)
    └── Unavailable             a part of the stack is not there: database, Redis, a port (HTTP 503)

Every message says what, where and what next.
"""

from __future__ import annotations

from collections.abc import Sequence


class BackpropEvoError(Exception):
    """Base of all errors this project raises on purpose. ``hint`` says what to do next."""

    status = 500
    exit_code = 1

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class InvalidInput(BackpropEvoError):
    """The request cannot be carried out as written; nothing was stored."""

    status = 422
    exit_code = 2


class InvalidEquation(InvalidInput):
    """The text is no feasible equation. ``column`` is 1-based where a place is known."""

    def __init__(self, message: str, *, column: int | None = None, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.column = column


class InvalidSettings(InvalidInput):
    """A spec that contradicts itself; ``field`` names the culprit, dotted."""

    def __init__(self, message: str, *, field: str, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.field = field


class UnknownDataset(InvalidInput):
    """No data set of that name is in the catalogue."""


class NotFound(BackpropEvoError):
    """Nothing is stored under that id."""

    status = 404
    exit_code = 2


class Conflict(BackpropEvoError):
    """The request is well formed but does not fit the present state."""

    status = 409
    exit_code = 2


class IllegalTransition(Conflict):
    """A verb that the present state does not allow; ``legal`` lists those it does."""

    def __init__(self, message: str, *, legal: Sequence[str], hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.legal = tuple(legal)


class PreconditionFailed(Conflict):
    """The search is at another version than the one it was to be changed at."""

    status = 412


class DatasetUnusable(BackpropEvoError):
    """A data file is missing, cut short or does not match its checksum; it is never used."""

    exit_code = 2


class DeviceUnusable(BackpropEvoError):
    """The device cannot hold a child, whatever the child: nothing was trained on it."""

    exit_code = 2


class NotEnded(BackpropEvoError, TimeoutError):
    """A search or an evaluation goes on after the time for which it was waited. Nothing was changed."""


class NotInstalled(BackpropEvoError):
    """What was asked for needs a library that is optional and not there."""

    status = 501
    exit_code = 2


class Unavailable(BackpropEvoError):
    """A needed part of the stack cannot be reached or started."""

    status = 503
    exit_code = 2
