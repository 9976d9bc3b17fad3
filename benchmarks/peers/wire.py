"""The part of the V2 inference protocol that sends one text and gets one: what MLServer and Triton speak over gRPC.

The messages are made here at run time from the fields that are used, so that neither product's package is needed; the
protocol is that of KServe's `GRPCInferenceService`.
"""

from __future__ import annotations

import struct
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

METHOD = "/inference.GRPCInferenceService/ModelInfer"
MODEL = "coding"
_BYTES_LENGTH = struct.Struct("<I")

_FIELD = descriptor_pb2.FieldDescriptorProto
_STRING, _INT64, _BYTES, _MESSAGE = (
    _FIELD.TYPE_STRING,
    _FIELD.TYPE_INT64,
    _FIELD.TYPE_BYTES,
    _FIELD.TYPE_MESSAGE,
)

# Message: (field, number, type, repeated, type name).
_Fields = list[tuple[str, int, "_FIELD.Type.ValueType", bool, str]]
_CONTENTS: _Fields = [("bytes_contents", 8, _BYTES, True, "")]
_TENSOR: _Fields = [
    ("name", 1, _STRING, False, ""),
    ("datatype", 2, _STRING, False, ""),
    ("shape", 3, _INT64, True, ""),
    ("contents", 5, _MESSAGE, False, ".inference.InferTensorContents"),
]
_REQUEST: _Fields = [
    ("model_name", 1, _STRING, False, ""),
    ("inputs", 5, _MESSAGE, True, ".inference.Tensor"),
    ("raw_input_contents", 7, _BYTES, True, ""),
]
_REPLY: _Fields = [
    ("model_name", 1, _STRING, False, ""),
    ("outputs", 5, _MESSAGE, True, ".inference.Tensor"),
    ("raw_output_contents", 6, _BYTES, True, ""),
]


def _messages() -> tuple[type[Any], type[Any]]:
    file = descriptor_pb2.FileDescriptorProto(name="peers_v2.proto", package="inference", syntax="proto3")
    for name, fields in (
        ("InferTensorContents", _CONTENTS),
        ("Tensor", _TENSOR),
        ("ModelInferRequest", _REQUEST),
        ("ModelInferResponse", _REPLY),
    ):
        message = file.message_type.add(name=name)
        for field, number, kind, repeated, type_name in fields:
            label = _FIELD.LABEL_REPEATED if repeated else _FIELD.LABEL_OPTIONAL
            message.field.add(name=field, number=number, type=kind, label=label, type_name=type_name or None)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return (
        message_factory.GetMessageClass(pool.FindMessageTypeByName("inference.ModelInferRequest")),
        message_factory.GetMessageClass(pool.FindMessageTypeByName("inference.ModelInferResponse")),
    )


_Request, _Reply = _messages()


def text_request(text: str, *, raw: bool) -> bytes:
    """Return the request for one text; `raw` contents are what Triton takes, typed ones what MLServer takes."""
    request = _Request(model_name=MODEL)
    tensor = request.inputs.add(name="text", datatype="BYTES", shape=[1, 1])
    content = text.encode()
    if raw:
        request.raw_input_contents.append(_BYTES_LENGTH.pack(len(content)) + content)
    else:
        tensor.contents.bytes_contents.append(content)
    serialised: bytes = request.SerializeToString()
    return serialised


def text_of_reply(reply: bytes) -> bytes:
    """Return the one text of a reply, however it is carried."""
    message = _Reply.FromString(reply)
    if message.raw_output_contents:
        raw: bytes = message.raw_output_contents[0]
        return raw[_BYTES_LENGTH.size :]
    content: bytes = message.outputs[0].contents.bytes_contents[0]
    return content
