"""Where data sets live on this machine: the same folder that the settings name, found without pydantic."""

from __future__ import annotations

import os
from pathlib import Path


def default_data_dir() -> Path:
    """``$BACKPROP_EVO_DATA_DIR``, else ``data`` in ``$BACKPROP_EVO_HOME``, else in the user's data folder."""
    chosen = os.environ.get("BACKPROP_EVO_DATA_DIR")
    if chosen:
        return Path(chosen).expanduser()
    home = os.environ.get("BACKPROP_EVO_HOME")
    return (Path(home).expanduser() if home else _user_data_dir() / "backprop-evo") / "data"


def _user_data_dir() -> Path:
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
