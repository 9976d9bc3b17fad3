"""The command line: `bertillon code`, `audit`, `search` and `lookup`. Needs the `cli` extra."""

from __future__ import annotations

import gc
import os
import signal
import sys

from bertillon.cli.interrupt import Interrupt


def main() -> None:
    """Run the command line and exit with its code."""
    # The core of grpc has its own log on stderr; what matters of it comes back as an error, in one sentence.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    try:
        from bertillon.cli.program import program  # noqa: PLC0415 - the extra may be absent
    except ModuleNotFoundError as error:
        if error.name not in {"click", "rich"}:
            raise
        sys.stderr.write("bertillon: the command line needs its extra: pip install 'bertillon[cli]'\n")
        sys.exit(2)
    # Not where interrupts are ignored, as in the background of a shell, or are somebody else's.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, Interrupt())
    try:
        program(prog_name="bertillon")
    finally:
        # A call that is freed only while the interpreter ends takes a lock which a thread of grpc, stopped by then,
        # may hold for ever. Now those threads run.
        gc.collect()
