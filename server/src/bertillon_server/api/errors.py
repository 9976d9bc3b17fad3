"""Errors as a caller sees them: a small closed vocabulary, mapped to gRPC status here and nowhere else.

What is raised on the way of a request becomes a `Failure`, and a `Failure` becomes a status with
`google.rpc` details or the error event of a bulk stream. No exception's own text crosses this module: a
message that was composed elsewhere could quote the note.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import grpc
from google.protobuf import any_pb2, duration_pb2
from google.protobuf.message import Message
from google.rpc import code_pb2, error_details_pb2, status_pb2  # type: ignore[import-untyped]
from grpc_status import rpc_status  # type: ignore[import-untyped]

from bertillon.coding.v1 import coding_service_pb2 as pb
from bertillon_server.inference.errors import DeadlineUnreachableError, DrainingError, OverloadedError

DOMAIN: Final = "bertillon"

# Details travel in trailing metadata, of which clients accept 8 KiB by default.
MAX_VIOLATIONS: Final = 20

PUSHBACK_KEY: Final = "grpc-retry-pushback-ms"


class Reason(StrEnum):
    """`ErrorInfo.reason` of every error that the service itself reports."""

    INVALID_REQUEST = "INVALID_REQUEST"
    MALFORMED_MESSAGE = "MALFORMED_MESSAGE"
    CODE_NOT_FOUND = "CODE_NOT_FOUND"
    UNAUTHENTICATED = "UNAUTHENTICATED"
    OVERLOADED = "OVERLOADED"
    DEADLINE_UNREACHABLE = "DEADLINE_UNREACHABLE"
    DRAINING = "DRAINING"
    CLIENT_STALLED = "CLIENT_STALLED"
    INTERNAL = "INTERNAL"


@dataclass(frozen=True, slots=True)
class Violation:
    """A field that is wrong: its path, for example `note.text`, and why, without quoting its value."""

    field: str
    description: str


class RequestError(Exception):
    """A request that cannot be answered, for a reason of the caller's."""


class InvalidRequestError(RequestError):
    """The request does not meet the contract; `violations` names every field at fault."""

    def __init__(self, violations: Sequence[Violation]) -> None:
        super().__init__(f"{len(violations)} field(s) are invalid")
        self.violations = _abridged(violations)


class MalformedMessageError(RequestError):
    """The bytes received are no message of the contract, for example text that is not UTF-8."""


class CodeNotFoundError(RequestError):
    """The release of the code system has no such code."""


class UnauthenticatedError(RequestError):
    """The call carries no valid bearer token."""


class StalledClientError(RequestError):
    """The client accepted no message for longer than the server waits."""


@dataclass(frozen=True, slots=True)
class Failure:
    """An error as the caller sees it; `retry_after_s` in seconds where sending again helps."""

    code: grpc.StatusCode
    reason: Reason
    message: str
    request_id: str
    violations: tuple[Violation, ...] = ()
    retry_after_s: float | None = None

    @property
    def number(self) -> int:
        """The canonical number of the code (`google.rpc.Code`)."""
        return int(code_pb2.Code.Value(self.code.name))

    @property
    def retry_after_ms(self) -> int | None:
        """Milliseconds after which to try again, at least 1."""
        return None if self.retry_after_s is None else max(1, math.ceil(self.retry_after_s * 1000))

    def status(self) -> status_pb2.Status:
        """Return the status with its `google.rpc` details."""
        info = error_details_pb2.ErrorInfo(
            reason=self.reason.value, domain=DOMAIN, metadata={"request_id": self.request_id}
        )
        details: list[Message] = [info, error_details_pb2.RequestInfo(request_id=self.request_id)]
        if self.violations:
            fields = [
                error_details_pb2.BadRequest.FieldViolation(field=v.field, description=v.description)
                for v in self.violations
            ]
            details.append(error_details_pb2.BadRequest(field_violations=fields))
        if self.retry_after_ms is not None:
            delay = duration_pb2.Duration()
            delay.FromMilliseconds(self.retry_after_ms)
            details.append(error_details_pb2.RetryInfo(retry_delay=delay))
        return status_pb2.Status(
            code=self.number, message=self.message, details=[_packed(d) for d in details]
        )

    def trailing_metadata(self) -> tuple[tuple[str, str | bytes], ...]:
        """Return the trailing metadata that carries the details, the request id and retry push-back."""
        carried = rpc_status.to_status(self.status()).trailing_metadata or ()
        metadata: list[tuple[str, str | bytes]] = [(str(key), value) for key, value in carried]
        metadata.append(("x-request-id", self.request_id))
        if self.retry_after_ms is not None:
            # Clients with a retry policy obey this in place of their own back-off (gRFC A6).
            metadata.append((PUSHBACK_KEY, str(self.retry_after_ms)))
        return tuple(metadata)

    def note_error(self) -> pb.NoteError:
        """Return the error event of a bulk stream."""
        return pb.NoteError(
            code=self.number,
            message=self.message,
            violations=[pb.FieldViolation(field=v.field, description=v.description) for v in self.violations],
            retry_after_ms=self.retry_after_ms,
        )


_STATUS = grpc.StatusCode
_VOCABULARY: Final[Mapping[type[Exception], tuple[grpc.StatusCode, Reason, str]]] = {
    MalformedMessageError: (
        _STATUS.INVALID_ARGUMENT,
        Reason.MALFORMED_MESSAGE,
        "the message is not one of the contract (text must be valid UTF-8)",
    ),
    CodeNotFoundError: (
        _STATUS.NOT_FOUND,
        Reason.CODE_NOT_FOUND,
        "the release of the code system has no such code",
    ),
    UnauthenticatedError: (
        _STATUS.UNAUTHENTICATED,
        Reason.UNAUTHENTICATED,
        "a valid bearer token is required in the metadata key `authorization`",
    ),
    OverloadedError: (
        _STATUS.RESOURCE_EXHAUSTED,
        Reason.OVERLOADED,
        "the server is at capacity; retry after the delay given",
    ),
    DeadlineUnreachableError: (
        _STATUS.DEADLINE_EXCEEDED,
        Reason.DEADLINE_UNREACHABLE,
        "the answer cannot be ready before the deadline; allow more time",
    ),
    DrainingError: (
        _STATUS.UNAVAILABLE,
        Reason.DRAINING,
        "the server is stopping; send the request to another replica",
    ),
    StalledClientError: (
        _STATUS.CANCELLED,
        Reason.CLIENT_STALLED,
        "the client accepted no message for too long",
    ),
}


def failure_of(error: Exception, request_id: str) -> Failure:
    """Return what the caller is told about an error; anything unforeseen is INTERNAL and a request id."""
    if isinstance(error, InvalidRequestError):
        return Failure(
            _STATUS.INVALID_ARGUMENT,
            Reason.INVALID_REQUEST,
            f"the request is invalid: {'; '.join(f'{v.field} {v.description}' for v in error.violations[:3])}",
            request_id,
            violations=error.violations,
        )
    known = next((entry for kind, entry in _VOCABULARY.items() if isinstance(error, kind)), None)
    if known is None:
        message = f"internal error; report it with request id {request_id}"
        return Failure(_STATUS.INTERNAL, Reason.INTERNAL, message, request_id)
    retry_after_s = error.retry_after_s if isinstance(error, OverloadedError) else None
    return Failure(*known, request_id, retry_after_s=retry_after_s)


def _abridged(violations: Sequence[Violation]) -> tuple[Violation, ...]:
    if len(violations) <= MAX_VIOLATIONS:
        return tuple(violations)
    last = violations[MAX_VIOLATIONS - 1]
    further = len(violations) - MAX_VIOLATIONS
    final = Violation(last.field, f"{last.description} (and {further} further violations)")
    return (*violations[: MAX_VIOLATIONS - 1], final)


def _packed(detail: Message) -> any_pb2.Any:
    packed = any_pb2.Any()
    packed.Pack(detail)
    return packed
