"""``backprop-evo`` with discoveries that take seconds: ``python tiny_discovery.py discover --home …``."""

from dataclasses import replace

from backprop_evo.cli import discovery
from backprop_evo.cli.main import app

# Where a wish reads it.
discovery.QUICK = replace(
    discovery.QUICK,
    model="mlp-16",
    steps=16,
    probe_steps=2,
    rungs=(4,),
    start_random=4,
    confirmation=discovery.StageSize(best=1, seeds=2, steps=20),
)

if __name__ == "__main__":
    app()
