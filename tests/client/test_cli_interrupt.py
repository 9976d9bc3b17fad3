"""An interrupt ends the command line, whatever it was doing; in programs of their own, since it ends them."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

_HANGS = """
import signal, sys, threading, time
from bertillon.cli.interrupt import Interrupt
signal.signal(signal.SIGINT, Interrupt({grace_s}))
try:
    print("ready", flush=True)
    time.sleep(60)
except KeyboardInterrupt:
    print("interrupted", flush=True)
threading.Thread(target=lambda: 1 / 0).start()
time.sleep({after_s})
sys.exit(7)
"""


@contextmanager
def program(*, grace_s: float, after_s: float) -> Iterator[subprocess.Popen[str]]:
    """Run a program that goes on for a while after it was interrupted, and in which a thread fails then."""
    command = [sys.executable, "-c", _HANGS.format(grace_s=grace_s, after_s=after_s)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGINT)
        assert process.stdout.readline() == "interrupted\n"
        yield process


def test_a_program_that_ends_in_time_ends_as_it_would_and_failing_threads_say_nothing() -> None:
    with program(grace_s=60, after_s=0.2) as process:
        _, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (7, "")


def test_a_program_that_hangs_after_an_interrupt_is_ended() -> None:
    with program(grace_s=2, after_s=60) as process:
        _, errors = process.communicate(timeout=30)
    assert process.returncode == 130
    assert errors == "bertillon: interrupted; connections to the server were left open\n"


def test_a_second_interrupt_ends_a_program_at_once() -> None:
    with program(grace_s=60, after_s=60) as process:
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (130, "")
    assert time.monotonic() - began < 30
