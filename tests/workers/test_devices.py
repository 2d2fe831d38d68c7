"""Slots are planned from what the machine has, and the plan is told to torch before it is imported."""

from pathlib import Path

import pytest

from workers.devices import MEMORY_PER_SLOT, Slot, free_memory, plan_slots, usable_cores, visible_gpus

PLENTY = 64 * 2**30


@pytest.mark.parametrize(
    ("wanted", "gpus", "cores", "memory", "slots", "threads"),
    [
        (0, (), 2, PLENTY, 2, 1),
        (0, (), 8, 3 * MEMORY_PER_SLOT, 3, 2),
        (0, (), 1, 0, 1, 1),
        (1, (), 2, PLENTY, 1, 2),
        (3, (), 2, PLENTY, 3, 1),
        (0, ("0", "1"), 16, PLENTY, 2, 8),
        (4, ("0", "1"), 16, PLENTY, 4, 4),
    ],
)
def test_slots_and_threads(
    wanted: int, gpus: tuple[str, ...], cores: int, memory: int, slots: int, threads: int
) -> None:
    plan = plan_slots(wanted, gpus=gpus, cores=cores, memory=memory)
    assert len(plan) == slots
    assert {slot.threads for slot in plan} == {threads}
    assert [slot.number for slot in plan] == list(range(slots))


def test_more_slots_than_gpus_share_them_in_turn() -> None:
    plan = plan_slots(4, gpus=("0", "1"), cores=16, memory=PLENTY)
    assert [slot.gpu for slot in plan] == ["0", "1", "0", "1"]


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
