"""What threads are worth to the operating system."""

from __future__ import annotations

import contextlib
import os
import sys
import threading

# Enough that a thread that was not stood back gets a core at once and keeps three quarters of it; little enough that
# beside other programs of the machine the server is not starved.
STEPS_BACK = 10


def stand_back() -> None:
    """Let all other threads of this process go before the calling one, which computes for long.

    For threads that compute without the interpreter's lock: others would wait for one that holds it and has no core.
    On Linux each thread has a niceness of its own; elsewhere this does nothing.
    """
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            me = threading.get_native_id()
            os.setpriority(os.PRIO_PROCESS, me, os.getpriority(os.PRIO_PROCESS, me) + STEPS_BACK)
