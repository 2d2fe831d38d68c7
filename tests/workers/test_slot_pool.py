"""Slots come and go as they are wanted: real processes, which end when they have finished."""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from backprop_evo.settings import Settings
from backprop_evo.supervision import ProcessSpec
from workers.devices import Hardware, Slot
from workers.slot_pool import SlotPool

SLOT = """
import os, pathlib, signal, sys, time
folder, number = pathlib.Path(sys.argv[1]), sys.argv[2]
told = []
signal.signal(signal.SIGUSR2, lambda *_: told.append("leave"))
signal.signal(signal.SIGTERM, lambda *_: told.append("give back"))
(folder / f"up {number} {os.getpid()}").touch()
while not told or (told == ["leave"] and (folder / f"trains {number}").exists()):
    time.sleep(0.01)
(folder / f"left {number} {' then '.join(told)}").touch()
"""
"""A slot that trains as long as the file says so."""

MACHINE = Hardware(gpus=(), cores=1, memory=0)


@pytest.fixture
def pool(tmp_path: Path, options: Settings) -> Iterator[SlotPool]:
    def process_of(slot: Slot) -> ProcessSpec:
        argv = (sys.executable, "-c", SLOT, str(tmp_path), str(slot.number))
        return ProcessSpec(name=f"slot {slot.number}", argv=argv, env=dict(os.environ), grace_s=5.0)

    made = SlotPool(process_of, options)
    yield made
    made.stop()


def until(pool: SlotPool, wanted: int, holds: Callable[[], object], *, gives_back: bool = False) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        pool.step(MACHINE.plan(wanted), gives_back=gives_back)
        time.sleep(0.02)


def found(folder: Path, begin: str) -> list[str]:
    return sorted(each.name for each in folder.glob(f"{begin}*"))


def test_a_pool_grows_and_shrinks_and_a_slot_that_trains_finishes_first(
    pool: SlotPool, tmp_path: Path
) -> None:
    until(pool, 1, lambda: found(tmp_path, "up 0"))
    first = found(tmp_path, "up 0")
    until(pool, 4, lambda: len(found(tmp_path, "up")) == 4)
    (tmp_path / "trains 3").touch()
    until(pool, 1, lambda: pool.numbers == (0, 3))
    assert found(tmp_path, "left") == ["left 1 leave", "left 2 leave"]
    assert found(tmp_path, "up 0") == first, "the one that stays was left alone"
    until(pool, 4, lambda: pool.numbers == (0, 1, 2, 3))
    assert len(found(tmp_path, "up 3")) == 1, "its number is not free before its process has ended"
    (tmp_path / "trains 3").unlink()
    until(pool, 4, lambda: len(found(tmp_path, "up 3")) == 2)


def test_a_slot_that_is_to_give_its_trial_back_is_told_so_once(pool: SlotPool, tmp_path: Path) -> None:
    until(pool, 2, lambda: len(found(tmp_path, "up")) == 2)
    (tmp_path / "trains 1").touch()
    until(pool, 1, lambda: pool._leaving)
    until(pool, 1, lambda: pool.numbers == (0,), gives_back=True)
    assert found(tmp_path, "left") == ["left 1 leave then give back"]


def test_a_slot_that_becomes_another_is_in_no_hurry(pool: SlotPool, tmp_path: Path) -> None:
    until(pool, 1, lambda: found(tmp_path, "up 0"))
    (tmp_path / "trains 0").touch()
    wide = Hardware(gpus=(), cores=8, memory=0).plan(1)
    for _ in range(20):
        pool.step(wide, gives_back=True)
        time.sleep(0.02)
    assert (pool.numbers, found(tmp_path, "left")) == ((0,), [])
    (tmp_path / "trains 0").unlink()
    deadline = time.monotonic() + 60
    while len(found(tmp_path, "up 0")) < 2:
        assert time.monotonic() < deadline
        pool.step(wide, gives_back=True)
        time.sleep(0.02)
    assert found(tmp_path, "left") == ["left 0 leave"]


def test_a_slot_that_hangs_when_it_leaves_is_killed_in_the_end(
    pool: SlotPool, tmp_path: Path, options: Settings
) -> None:
    until(pool, 1, lambda: found(tmp_path, "up 0"))
    (tmp_path / "trains 0").touch()
    until(pool, 0, lambda: pool._leaving)
    limit_s = options.trial_time_limit_s + 2 * options.trial_time_grace_s
    pool.clock = lambda: time.monotonic() + limit_s + 61
    until(pool, 0, lambda: pool.numbers == ())
    assert found(tmp_path, "left") == []


def test_a_slot_that_crashes_is_started_again_unless_it_leaves(pool: SlotPool, tmp_path: Path) -> None:
    until(pool, 1, lambda: found(tmp_path, "up 0"))
    (name,) = found(tmp_path, "up 0")
    os.kill(int(name.split()[-1]), signal.SIGKILL)
    until(pool, 1, lambda: len(found(tmp_path, "up 0")) == 2)
    (tmp_path / "trains 0").touch()
    until(pool, 0, lambda: pool._leaving)
    for each in found(tmp_path, "up 0"):
        if each != name:
            os.kill(int(each.split()[-1]), signal.SIGKILL)
    until(pool, 0, lambda: pool.numbers == ())
    assert len(found(tmp_path, "up 0")) == 2
