"""When a process collects all of its garbage: not while calls are in progress, but not never."""

import asyncio
import ctypes
import gc
import os
import subprocess
import sys
import weakref
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from bertillon_server.app.garbage import ALL_EVERY_S, AT_LEAST_EVERY_S, NEVER, Garbage, return_freed


class _Cycle:
    def __init__(self) -> None:
        self.itself = self


@pytest.fixture(autouse=True)
def rules_of_before() -> Iterator[None]:
    rules = gc.get_threshold()
    yield
    gc.enable()
    gc.unfreeze()
    gc.set_threshold(*rules)


def _left_over() -> weakref.ref[_Cycle]:
    """Return a reference to garbage that only a full collection finds."""
    old = _Cycle()
    gc.collect()
    return weakref.ref(old)


async def _tend(garbage: Garbage, until: weakref.ref[_Cycle]) -> bool:
    """Tend for a moment; return whether the garbage has gone."""
    task = asyncio.create_task(garbage.tend())
    for _ in range(20):
        await asyncio.sleep(0.005)
        if until() is None:
            break
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    return until() is None


def test_nothing_is_collected_while_a_process_loads() -> None:
    garbage = Garbage(lambda: True)
    garbage.hold()
    assert not gc.isenabled()
    garbage.settle()
    assert gc.isenabled()


def test_what_is_there_when_it_settles_is_not_walked_over_again() -> None:
    Garbage(lambda: True).settle()
    assert gc.get_freeze_count() > 0
    assert gc.get_threshold()[2] == NEVER


async def test_garbage_waits_for_a_moment_without_calls() -> None:
    idle = False
    garbage = Garbage(lambda: idle, look_every_s=0.001)
    garbage.settle()
    left = _left_over()
    assert not await _tend(garbage, left)
    idle = True
    gc.collect(0)  # something was left since
    assert await _tend(garbage, left)


async def test_garbage_does_not_wait_for_ever() -> None:
    now = 0.0
    garbage = Garbage(lambda: False, look_every_s=0.001, clock=lambda: now)
    garbage.settle()
    left = _left_over()
    now += AT_LEAST_EVERY_S
    assert await _tend(garbage, left)


async def test_nothing_is_frozen_while_calls_are_in_progress() -> None:
    now = 0.0
    garbage = Garbage(lambda: False, look_every_s=0.001, clock=lambda: now)
    gc.unfreeze()
    now += AT_LEAST_EVERY_S
    assert await _tend(garbage, _left_over())
    assert gc.get_freeze_count() == 0


async def test_what_was_frozen_is_looked_at_again_in_an_hour() -> None:
    now = 0.0
    garbage = Garbage(lambda: True, look_every_s=0.001, clock=lambda: now)
    frozen = _Cycle()
    left = weakref.ref(frozen)
    garbage.settle()
    del frozen
    now += ALL_EVERY_S
    gc.collect(0)  # something was left since
    assert await _tend(garbage, left)


async def test_what_was_frozen_goes_once_it_is_said_to_be_of_no_use() -> None:
    garbage = Garbage(lambda: True, look_every_s=0.001)
    frozen = _Cycle()
    left = weakref.ref(frozen)
    garbage.settle()
    del frozen
    assert not await _tend(garbage, left)
    garbage.forget()
    assert await _tend(garbage, left)


async def test_what_is_of_no_use_goes_while_calls_go_on_too() -> None:
    now = 0.0
    garbage = Garbage(lambda: False, look_every_s=0.001, clock=lambda: now)
    frozen = _Cycle()
    left = weakref.ref(frozen)
    garbage.settle()
    del frozen
    garbage.forget()
    now += AT_LEAST_EVERY_S
    assert await _tend(garbage, left)


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="the C library is not glibc")
def test_holes_between_what_lives_on_are_returned_to_the_system() -> None:
    def resident_mb() -> float:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6

    # Below the size from which the allocator maps each by itself.
    blocks = [ctypes.create_string_buffer(b"x" * 100_000) for _ in range(1_000)]
    del blocks[::2]
    with_holes = resident_mb()
    return_freed()
    assert resident_mb() < with_holes - 40
    del blocks


_LARGE_AFTER_LARGER = """
import ctypes, socket, sys
from bertillon_server.app import coding_process
from bertillon_server.app.garbage import Garbage, keep_large_apart

class Told(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in "arena a b c mapped d e f g h".split()]

libc = ctypes.CDLL(None)
libc.mallinfo2.restype = Told
libc.malloc.restype, libc.malloc.argtypes, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_size_t], [ctypes.c_void_p]
match sys.argv.pop():
    case "apart":
        keep_large_apart()
    case "a process that loads":
        Garbage(lambda: True).hold()
    case "a coding process":
        gone, own = socket.socketpair()
        gone.close()
        sys.argv.append(str(own.detach()))
        coding_process.main()
# A block that was mapped and goes raises what the allocator takes for large, unless it was told.
libc.free(libc.malloc(8 << 20))
before = libc.mallinfo2().mapped
libc.malloc(2 << 20)
print(libc.mallinfo2().mapped - before >= 2 << 20)
"""


@pytest.mark.skipif(
    not hasattr(ctypes.CDLL(None), "mallinfo2"), reason="the C library is no glibc of these years"
)
@pytest.mark.parametrize(
    ("told", "is_mapped"),
    [("apart", "True"), ("a process that loads", "True"), ("a coding process", "True"), ("nothing", "False")],
)
def test_large_blocks_stay_out_of_the_heap_whatever_came_before(told: str, is_mapped: str) -> None:
    command = [sys.executable, "-c", _LARGE_AFTER_LARGER, told]
    found = subprocess.run(command, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == is_mapped
