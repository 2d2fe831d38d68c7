"""What a run has drawn so far, kept while another run or measurement draws."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor


@dataclass(slots=True)
class Randomness:
    """The global generators as a run left them; noise and dropout of equations draw from these."""

    device: torch.device
    state: tuple[Tensor, Tensor | None] = field(init=False)

    def __post_init__(self) -> None:
        self.keep()

    def keep(self) -> None:
        """At the end of a part of a run: probes take turns with the global generators."""
        on_gpu = self.device.type == "cuda"
        self.state = (torch.get_rng_state(), torch.cuda.get_rng_state(self.device) if on_gpu else None)

    def restore(self) -> None:
        """A run that goes on draws what it would have drawn without the pause."""
        torch.set_rng_state(self.state[0])
        if self.state[1] is not None:
            torch.cuda.set_rng_state(self.state[1], self.device)
