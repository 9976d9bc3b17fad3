"""An interrupt that always ends the program.

Python raises KeyboardInterrupt wherever the main thread is, and that may be in the middle of grpc's own bookkeeping:
then a thread of grpc fails over what was left half done, and whoever closes the channel may wait for it for ever.
"""

from __future__ import annotations

import os
import signal
import threading
from types import FrameType

GRACE_S = 3.0
"""Seconds in which a program that was interrupted ends by itself; it takes a few milliseconds."""
STATUS = 130
"""As a shell reports a program that was ended by SIGINT."""


class Interrupt:
    """What happens on SIGINT: KeyboardInterrupt, and the end of the program if that has not ended it in time.

    A second interrupt ends it at once. Results are written line by line, so nothing is lost by it.
    """

    def __init__(self, grace_s: float = GRACE_S) -> None:
        self._grace_s = grace_s
        self._is_first = True

    def __call__(self, signal_number: int, frame: FrameType | None) -> None:
        """Raise KeyboardInterrupt, the first time."""
        if not self._is_first:
            os._exit(STATUS)
        self._is_first = False
        # What fails in a thread from now on is no news to whoever has interrupted the program.
        threading.excepthook = lambda _: None
        threading.Thread(target=self._end, name="bertillon-interrupted", daemon=True).start()
        signal.default_int_handler(signal_number, frame)

    def _end(self) -> None:
        threading.Event().wait(self._grace_s)
        # Not by way of sys.stderr: whoever hangs may hold its lock.
        os.write(2, b"bertillon: interrupted; connections to the server were left open\n")
        os._exit(STATUS)
