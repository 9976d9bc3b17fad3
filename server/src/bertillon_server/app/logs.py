"""Structured logs: one JSON object a line, one line per call, and never text of a note.

The messages of exceptions are dropped wherever they come from, because they may quote what they failed on;
what is kept of an exception is its type and where it was raised.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import traceback
from collections.abc import Callable, MutableMapping
from pathlib import Path
from typing import Any, Final, TextIO

import structlog

from bertillon.coding.v1 import types_pb2 as types
from bertillon_server.api.record import CallRecord
from bertillon_server.app.startup import StartupError

# Frames of a traceback that are kept, innermost first.
_FRAMES: Final = 12

EventDict = MutableMapping[str, Any]


def configure_logs(level: str, file: Path | None = None, *, worker: int | None = None) -> None:
    """Send the logs of the server and of the libraries to standard error or a file, as JSON lines.

    `worker` is the number of the process among several; every line then has it. Raises `StartupError` when the file
    cannot be written.
    """
    stream: TextIO = sys.stderr
    if file is not None:
        try:
            stream = file.open("a", encoding="utf-8", buffering=1)
        except OSError as error:
            raise StartupError(f"the log file {file} cannot be written: {error.strerror}") from None
    shared: list[Callable[[Any, str, EventDict], Any]] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        without_messages_of_exceptions,
    ]
    if worker is not None:
        shared.append(lambda _, __, event: {"worker": worker} | dict(event))
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.JSONRenderer(),
        ],
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def without_messages_of_exceptions(_: object, __: str, event: EventDict) -> EventDict:
    """Replace an exception by its type and place; a processor of structlog."""
    info = event.pop("exc_info", None)
    if info is True:
        info = sys.exc_info()
    error = info[1] if isinstance(info, tuple) else info
    if isinstance(error, BaseException):
        event.update(described(error))
    return event


def described(error: BaseException) -> dict[str, Any]:
    """Return the type of an exception and the frames it passed, innermost first; nothing it says."""
    frames = traceback.extract_tb(error.__traceback__)[-_FRAMES:]
    return {
        "error": type(error).__name__,
        "at": [f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in reversed(frames)],
    }


def log_unhandled(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Log what asyncio reports; its own handler would print the exception and the objects around it."""
    error = context.get("exception")
    details = described(error) if isinstance(error, BaseException) else {}
    structlog.get_logger("bertillon.loop").error("unhandled", **details)


class CallLog:
    """Writes one line per call."""

    def __init__(self) -> None:
        self._log = structlog.get_logger("bertillon.rpc")

    def call_started(self, record: CallRecord) -> None:
        """Log nothing yet."""

    def note_coded(self, method: str, timings: types.Timings) -> None:
        """Log nothing: a call is one line however many notes it has."""

    def call_finished(self, record: CallRecord) -> None:
        """Log the call."""
        self._log.info(
            "rpc",
            request_id=record.request_id,
            method=record.method,
            code=record.code.name,
            reason=record.reason or None,
            ms=_milliseconds(record.started, record.finished),
            first_ms=_milliseconds(record.started, record.first_response),
            requests=record.requests,
            request_bytes=record.request_bytes,
            code_points=record.code_points,
            responses=record.responses,
            response_bytes=record.response_bytes,
            sections=record.sections,
            mentions=record.mentions,
            codes=record.codes,
            findings=record.findings,
            note_errors=record.note_errors.total(),
        )

    def bug_found(self, request_id: str, error: Exception) -> None:
        """Log where a bug showed, without what it says."""
        self._log.error("bug", request_id=request_id, **described(error))


def _milliseconds(start: float, end: float | None) -> float | None:
    return None if end is None else round((end - start) * 1000, 3)
