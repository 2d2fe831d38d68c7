"""``backprop-evo`` with discoveries that take seconds: ``python tiny_discovery.py discover --home …``."""

from dataclasses import replace

from backprop_evo.cli import discover
from backprop_evo.cli.discovery import QUICK, StageSize
from backprop_evo.cli.main import app

discover.QUICK = replace(
    QUICK,
    model="mlp-16",
    steps=16,
    probe_steps=2,
    rungs=(4,),
    start_random=4,
    confirmation=StageSize(best=1, seeds=2, steps=20),
)

if __name__ == "__main__":
    app()
