"""Slots are planned from what the machine has, and the plan is told to torch before it is imported."""

from pathlib import Path
from typing import Literal

import pytest

from workers.devices import (
    MEMORY_PER_SLOT,
    Hardware,
    Slot,
    allowed_threads,
    free_memory,
    usable_cores,
    visible_gpus,
)

PLENTY = 64 * 2**30


@pytest.mark.parametrize(
    ("wanted", "gpus", "cores", "memory", "slots", "threads"),
    [
        (None, (), 2, PLENTY, 2, 1),
        (None, (), 8, 3 * MEMORY_PER_SLOT, 3, 2),
        (None, (), 1, 0, 1, 1),
        (1, (), 2, PLENTY, 1, 2),
        (3, (), 2, PLENTY, 3, 1),
        (None, ("0", "1"), 16, PLENTY, 2, 8),
        (256, (), 2, 0, 256, 1),
        (4, ("0", "1"), 16, PLENTY, 4, 4),
    ],
)
def test_slots_and_threads(
    wanted: int | None, gpus: tuple[str, ...], cores: int, memory: int, slots: int, threads: int
) -> None:
    plan = Hardware(gpus=gpus, cores=cores, memory=memory).plan(wanted)
    assert len(plan) == slots
    assert {slot.threads for slot in plan} == {threads}
    assert [slot.number for slot in plan] == list(range(slots))


@pytest.mark.parametrize(
    ("said", "most", "threads"),
    [("1", 1, 1), ("3,2", 3, 3), ("16", 16, 4), ("", None, 4), ("many", None, 4), ("0", None, 4)],
)
def test_whoever_runs_a_node_may_allow_its_slots_fewer_threads(
    said: str, most: int | None, threads: int
) -> None:
    assert allowed_threads({"OMP_NUM_THREADS": said}) == most
    (slot,) = Hardware(gpus=(), cores=4, memory=PLENTY, most_threads=most).plan(1)
    assert slot.environment()["OMP_NUM_THREADS"] == str(threads)


def test_more_slots_than_gpus_share_them_in_turn() -> None:
    plan = Hardware(gpus=("0", "1"), cores=16, memory=PLENTY).plan(4)
    assert [slot.gpu for slot in plan] == ["0", "1", "0", "1"]


@pytest.mark.parametrize(
    ("placement", "placed"), [("spread", ["0", "1", "0", "1", "0"]), ("pack", ["0", "0", "1", "1", "0"])]
)
def test_several_slots_a_gpu_are_spread_over_the_gpus_or_fill_one_first(
    placement: Literal["spread", "pack"], placed: list[str]
) -> None:
    machine = Hardware(gpus=("0", "1"), cores=16, memory=PLENTY, slots_per_gpu=2, placement=placement)
    assert len(machine.plan(None)) == 4
    for wanted in range(6):
        assert [slot.gpu for slot in machine.plan(wanted)] == placed[:wanted], "none moves"


def test_a_slot_sees_its_own_gpu_only() -> None:
    assert Slot(1, "3", 4).environment()["CUDA_VISIBLE_DEVICES"] == "3"
    assert Slot(0, None, 4).environment()["CUDA_VISIBLE_DEVICES"] == ""
    assert Slot(0, None, 4).environment()["OMP_NUM_THREADS"] == "4"


def test_gpus_somebody_else_chose_are_kept_to() -> None:
    assert visible_gpus({"CUDA_VISIBLE_DEVICES": "2,5"}) == ("2", "5")
    assert visible_gpus({"CUDA_VISIBLE_DEVICES": ""}) == ()
    assert visible_gpus({"CUDA_VISIBLE_DEVICES": "-1"}) == ()


def test_a_container_has_what_its_limits_say(tmp_path: Path) -> None:
    (tmp_path / "cpu.max").write_text("100000 100000\n")
    (tmp_path / "memory.max").write_text("1000\n")
    (tmp_path / "memory.current").write_text("400\n")
    assert usable_cores(tmp_path) == 1
    assert free_memory(tmp_path) == 600


def test_no_limit_means_the_machine(tmp_path: Path) -> None:
    (tmp_path / "cpu.max").write_text("max 100000\n")
    (tmp_path / "memory.max").write_text("max\n")
    assert usable_cores(tmp_path) == usable_cores(tmp_path / "nothing") >= 1
    assert free_memory(tmp_path) > 2**20
