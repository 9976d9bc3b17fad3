"""Why a request was not answered: a small, closed vocabulary, and the one place where gRPC becomes it."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Sequence
from typing import Any, cast

import grpc

from bertillon._details import STATUS_KEY, Details, read_details
from bertillon.coding.v1.coding_service_pb2 import FieldViolation, NoteError

PUSHBACK_KEY = "grpc-retry-pushback-ms"
"""Trailing metadata by which a server says when to retry (gRPC retry design, gRFC A6)."""


class BertillonError(Exception):
    """A request was not answered. The message is one sentence that says what to do; it never quotes a note.

    `status` is the gRPC status, `reason` the machine-readable reason of its ErrorInfo (empty if none), and
    `retry_after` the seconds after which the server asks to try again, where it does.
    """

    def __init__(
        self,
        message: str,
        *,
        status: grpc.StatusCode = grpc.StatusCode.UNKNOWN,
        reason: str = "",
        retry_after: float | None = None,
        violations: Sequence[FieldViolation] = (),
    ) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.retry_after = retry_after
        self.violations = tuple(violations)


class InvalidRequestError(BertillonError):
    """The request is wrong; `violations` names the fields. Sending it again as it is never helps."""


class MessageTooLargeError(BertillonError):
    """A request or a reply is larger than one side's limit."""


class NotFoundError(BertillonError):
    """There is no such code in the release that is in force on the date of service."""


class OverloadedError(BertillonError):
    """The server is at capacity and did not begin the work; `retry_after` says when to come back."""


class DeadlineExceededError(BertillonError):
    """No answer came, or could have come, within the deadline."""


class UnavailableError(BertillonError):
    """The server cannot be reached, is stopping, or the connection broke."""


class AccessDeniedError(BertillonError):
    """The caller's credentials are missing, wrong or not sufficient."""


class PreconditionError(BertillonError):
    """The server is not set up for the request, for example because a code system is not loaded."""


class CallCancelledError(BertillonError):
    """The call was cancelled before its end."""


class ServerError(BertillonError):
    """The server failed, or it does not know this version of the contract."""


_TYPES: dict[grpc.StatusCode, type[BertillonError]] = {
    grpc.StatusCode.INVALID_ARGUMENT: InvalidRequestError,
    grpc.StatusCode.OUT_OF_RANGE: InvalidRequestError,
    grpc.StatusCode.NOT_FOUND: NotFoundError,
    grpc.StatusCode.RESOURCE_EXHAUSTED: OverloadedError,
    grpc.StatusCode.DEADLINE_EXCEEDED: DeadlineExceededError,
    grpc.StatusCode.UNAVAILABLE: UnavailableError,
    grpc.StatusCode.UNAUTHENTICATED: AccessDeniedError,
    grpc.StatusCode.PERMISSION_DENIED: AccessDeniedError,
    grpc.StatusCode.FAILED_PRECONDITION: PreconditionError,
    grpc.StatusCode.CANCELLED: CallCancelledError,
}
_BY_NUMBER: dict[int, grpc.StatusCode] = {status.value[0]: status for status in grpc.StatusCode}

_SENTENCES: dict[type[BertillonError], str] = {
    InvalidRequestError: "the request is not valid{wrong}; correct it and send it again",
    MessageTooLargeError: (
        "the message is larger than the limit; split the note, or raise the limit on both sides "
        "(max_request_bytes and max_reply_bytes here, the message size of the server there)"
    ),
    NotFoundError: "not found{said}; check the code and the date of service",
    OverloadedError: "the server is at capacity; try again {wait}, or keep fewer requests in flight",
    DeadlineExceededError: "no answer within the deadline; allow more time (timeout) or send a shorter text",
    UnavailableError: "the server cannot be reached or is stopping{said}; check the target and try again",
    AccessDeniedError: "the server refused the caller{said}; check the token and the client certificate",
    PreconditionError: (
        "the server is not set up for this request{said}; choose another option or ask its operator"
    ),
    CallCancelledError: "the call was cancelled before its end; send the request again if you still need it",
    ServerError: "the server failed with {status}{said}; tell its operator if it happens again",
}

# grpc reports its own message limit with the status of overload; only the words tell the two apart.
_TOO_LARGE = re.compile(r"message (is )?larger than|larger than max|exceeds maximum", re.IGNORECASE)
# What proxies and dying servers leave behind on an HTTP/2 stream; grpc calls these INTERNAL or UNKNOWN. The
# last one is what grpc.aio says when it was writing while the stream ended.
_BROKEN_STREAM = re.compile(r"RST_STREAM|Stream removed|GOAWAY|Internal error from Core", re.IGNORECASE)


# How grpc begins what it says of a connection that failed; the end of it is what tells something.
_PREAMBLE = re.compile(r"^.*last error: (?:[A-Z_]+: )?")


def _phrase(details: str) -> str:
    """Return the server's words as part of a sentence."""
    return _PREAMBLE.sub("", " ".join(details.split())).rstrip(".;")


def _sentence(kind: type[BertillonError], status: grpc.StatusCode, words: str, details: Details) -> str:
    wrong = "; ".join(f"{v.field}: {_phrase(v.description)}" for v in details.violations) or words
    return _SENTENCES[kind].format(
        said=f": {words}" if words else "",
        wrong=f" ({wrong})" if wrong else "",
        wait="later" if details.retry_after is None else f"in {details.retry_after:.2f} s",
        status=status.name,
    )


def make_error(status: grpc.StatusCode, words: str, details: Details) -> BertillonError:
    """Return the error for a gRPC status, its message and its details."""
    kind = _TYPES.get(status, ServerError)
    if kind is OverloadedError and _TOO_LARGE.search(words):
        kind = MessageTooLargeError
    elif kind is ServerError and _BROKEN_STREAM.search(words):
        kind = UnavailableError
    return kind(
        _sentence(kind, status, _phrase(words), details),
        status=status,
        reason=details.reason,
        retry_after=details.retry_after,
        violations=details.violations,
    )


def invalid(field: str, description: str) -> InvalidRequestError:
    """Return the error for a field that this client itself can see to be wrong."""
    violation = FieldViolation(field=field, description=description)
    error = make_error(grpc.StatusCode.INVALID_ARGUMENT, "", Details(violations=(violation,)))
    return cast("InvalidRequestError", error)


def too_large() -> MessageTooLargeError:
    """Return the error for a request over this client's own limit."""
    return cast(
        "MessageTooLargeError",
        make_error(grpc.StatusCode.RESOURCE_EXHAUSTED, "message larger than max", Details()),
    )


def from_call(error: grpc.RpcError) -> BertillonError:
    """Return the error for a call that ended with a status other than OK."""
    call = cast("Any", error)  # Both halves of grpc raise what is a call too; the base class hides it.
    details, pushback = Details(), None
    for key, value in call.trailing_metadata() or ():
        if key == STATUS_KEY and isinstance(value, bytes):
            details = read_details(value)
        elif key == PUSHBACK_KEY:
            with contextlib.suppress(ValueError):
                pushback = int(value) / 1000
    if details.retry_after is None and pushback is not None and pushback >= 0:
        details = Details(details.reason, pushback, details.violations)
    return make_error(call.code(), call.details() or "", details)


def from_note(error: NoteError) -> BertillonError:
    """Return the error for a note of a bulk stream that was not coded."""
    retry_after = error.retry_after_ms / 1000 if error.HasField("retry_after_ms") else None
    status = _BY_NUMBER.get(error.code, grpc.StatusCode.UNKNOWN)
    return make_error(
        status, error.message, Details(retry_after=retry_after, violations=tuple(error.violations))
    )


@contextlib.contextmanager
def mapped_errors() -> Iterator[None]:
    """Raise every failed call inside as one of this module's errors."""
    try:
        yield
    except grpc.RpcError as error:
        raise from_call(error) from error
