"""The rich error details of gRPC, read without a dependency on the package that ships their classes.

The messages are those of google/rpc/status.proto and google/rpc/error_details.proto, as far as this
client reads them. They live in a pool of their own, so that they never meet another package's copy.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError, Message

from bertillon.coding.v1.coding_service_pb2 import FieldViolation

STATUS_KEY = "grpc-status-details-bin"
"""Trailing metadata that carries a serialised google.rpc.Status."""

_PACKAGE = "bertillon.rich_status"
_FIELD = descriptor_pb2.FieldDescriptorProto
# Message -> (name, number, type or message name, repeated). Wire-compatible with google.rpc.
_MESSAGES: dict[str, list[tuple[str, int, _FIELD.Type.ValueType | str, bool]]] = {
    "Any": [("type_url", 1, _FIELD.TYPE_STRING, False), ("value", 2, _FIELD.TYPE_BYTES, False)],
    "Status": [("details", 3, "Any", True)],
    "Duration": [("seconds", 1, _FIELD.TYPE_INT64, False), ("nanos", 2, _FIELD.TYPE_INT32, False)],
    "RetryInfo": [("retry_delay", 1, "Duration", False)],
    "ErrorInfo": [("reason", 1, _FIELD.TYPE_STRING, False)],
    "Violation": [("field", 1, _FIELD.TYPE_STRING, False), ("description", 2, _FIELD.TYPE_STRING, False)],
    "BadRequest": [("field_violations", 1, "Violation", True)],
}


@dataclass(frozen=True, slots=True)
class Details:
    """What a status says beside its code and message; `retry_after` in seconds."""

    reason: str = ""
    retry_after: float | None = None
    violations: tuple[FieldViolation, ...] = ()


@cache
def _classes() -> dict[str, type[Message]]:
    file = descriptor_pb2.FileDescriptorProto(
        name="bertillon/rich_status.proto", package=_PACKAGE, syntax="proto3"
    )
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for field_name, number, kind, repeated in fields:
            field = message.field.add(
                name=field_name,
                number=number,
                label=_FIELD.LABEL_REPEATED if repeated else _FIELD.LABEL_OPTIONAL,
            )
            if isinstance(kind, str):
                field.type, field.type_name = _FIELD.TYPE_MESSAGE, f".{_PACKAGE}.{kind}"
            else:
                field.type = kind
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.{name}"))
        for name in _MESSAGES
    }


def _parse(name: str, data: bytes) -> Any:  # noqa: ANN401 - the class is made at run time
    return _classes()[name].FromString(data)


def read_details(status: bytes) -> Details:
    """Read a serialised google.rpc.Status; what is unknown or damaged in it is left out."""
    reason, retry_after, violations = "", None, []
    try:
        for detail in _parse("Status", status).details:
            match detail.type_url.rpartition("/")[2]:
                case "google.rpc.ErrorInfo":
                    reason = _parse("ErrorInfo", detail.value).reason
                case "google.rpc.RetryInfo":
                    delay = _parse("RetryInfo", detail.value).retry_delay
                    retry_after = delay.seconds + delay.nanos / 1e9
                case "google.rpc.BadRequest":
                    violations += [
                        FieldViolation(field=violation.field, description=violation.description)
                        for violation in _parse("BadRequest", detail.value).field_violations
                    ]
    except DecodeError:
        # The status code and message still hold; damaged details must not hide them.
        pass
    return Details(reason, retry_after, tuple(violations))
