"""A process beside the slots of a node: looked at now and then, dead with its parent, its last words kept."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import IO

from backprop_evo.parent_death import dying_with_parent

LONGEST_REASON = 500


@dataclass(frozen=True, slots=True)
class SideProcess:
    """One that was started. What it writes to standard error is read when it has ended."""

    process: subprocess.Popen[bytes]
    said: IO[bytes]

    @classmethod
    def started(cls, argv: tuple[str, ...], env: Mapping[str, str] | None = None) -> SideProcess:
        """Without input or output; ``env`` None: the environment of this process."""
        # Closed with the process that writes it.
        said = tempfile.TemporaryFile()  # noqa: SIM115
        process = subprocess.Popen(
            dying_with_parent(argv),
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=said,
        )
        return cls(process, said)

    def poll(self) -> int | None:
        """Its exit code; None while it runs."""
        return self.process.poll()

    def reason(self) -> str:
        """Its last line; of one that said nothing, its exit code."""
        self.said.seek(0)
        lines = self.said.read().decode(errors="replace").strip().splitlines()
        return lines[-1][:LONGEST_REASON] if lines else f"exit code {self.process.poll()}"

    def end(self) -> None:
        """Killed where it runs, and everything closed."""
        self.process.kill()
        self.process.wait()
        self.said.close()
