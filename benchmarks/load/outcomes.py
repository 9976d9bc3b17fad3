"""How a request ended, in the four ways that matter to whoever judges a load."""

from __future__ import annotations

import enum

import grpc
from google.rpc.error_details_pb2 import RetryInfo  # type: ignore[import-untyped]
from grpc_status import rpc_status  # type: ignore[import-untyped]


class Outcome(enum.StrEnum):
    """How a request ended."""

    OK = "ok"
    """Answered whole."""
    SHED = "shed"
    """Refused before work was begun, with the time after which to come back."""
    DEADLINE = "deadline"
    """Not answered within its deadline."""
    ERROR = "error"
    """Anything else, a refusal without advice included."""


def outcome_of(error: grpc.RpcError) -> Outcome:
    """Return how a call ended that raised an error; `error` must have a status, as those of calls have."""
    code = error.code()
    if code is grpc.StatusCode.DEADLINE_EXCEEDED:
        return Outcome.DEADLINE
    refused = code in {grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.UNAVAILABLE}
    return Outcome.SHED if refused and _has_retry_info(error) else Outcome.ERROR


def _has_retry_info(error: grpc.RpcError) -> bool:
    """Whether a refusal says when to try again (google.rpc.RetryInfo)."""
    status = rpc_status.from_call(error)
    return status is not None and any(detail.Is(RetryInfo.DESCRIPTOR) for detail in status.details)
