"""Why the inference layer refuses or abandons work. Mapped to gRPC status in `api.errors`, nowhere else."""

from __future__ import annotations


class InferenceRefusedError(Exception):
    """Work was not done; nothing about the text is ever in the message."""


class OverloadedError(InferenceRefusedError):
    """The queue is full; `retry_after_s` is when it is expected to have room, in seconds."""

    def __init__(self, retry_after_s: float) -> None:
        super().__init__(f"the server is at capacity; retry in {retry_after_s:.2f} s")
        self.retry_after_s = retry_after_s


class DeadlineUnreachableError(InferenceRefusedError):
    """The work cannot be finished before the caller's deadline, or the deadline has passed."""


class DrainingError(InferenceRefusedError):
    """The server is stopping and takes no new work."""
