"""A real slot, but for its trainings: each hangs, and nothing but SIGKILL ends it. Its heartbeat goes on.

The pool process, which is spawned, runs this file again under another name, so that it hangs as well.
"""

import os
import time
from contextlib import suppress
from typing import Any

os.environ["REMAP_SIGTERM"] = "SIGQUIT"
os.environ["BACKPROP_EVO_WORKER"] = "test/1/0"

from celery.exceptions import SoftTimeLimitExceeded

from workers import slot, tasks


def hang(*_: Any) -> None:
    while True:
        with suppress(SoftTimeLimitExceeded):
            time.sleep(60)


tasks.train_on_slot = hang  # type: ignore[assignment]
tasks._warm_up = lambda: None

if __name__ == "__main__":
    slot.main()
