# Generated from _async/bulk.py by client/scripts/generate_sync.py; edit that file instead.
"""One bulk run over a bidirectional stream: lazy at one end, bounded in between, whole at the other.

Three workers share a ledger under one signal: the feeder takes notes from the caller's iterable while there
is room, the exchanger keeps a stream to the server open and takes its events, and the caller takes
outcomes. The caller's iterable is only ever advanced by the feeder, so that a stream that breaks cannot
take a note with it.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Generator, Iterable, Iterator

import grpc

from bertillon._connection import Connection
from bertillon._details import Details
from bertillon._errors import (
    BertillonError,
    CallCancelledError,
    MessageTooLargeError,
    OverloadedError,
    UnavailableError,
    from_call,
    make_error,
)
from bertillon._ledger import Ledger, Outcome
from bertillon._signals import CallDroppedHere, Signal, Worker, steps
from bertillon.coding.v1.coding_service_pb2 import CodeNotesRequest, CodingOptions, Note
from bertillon.coding.v1.coding_service_pb2_grpc import CodingServiceStub

PROBE_S = 0.5
"""How long a stream stays silent after one that broke while it was being written to. Then grpc.aio reports
the failed write and loses the server's status; a server that refuses the caller does so within this time,
and with nothing being written its status comes through."""


class BulkRun:
    """The state of one `code_notes`."""

    def __init__(
        self,
        channel: grpc.Channel,
        connection: Connection,
        notes: Iterable[Note],
        options: CodingOptions | None,
        *,
        max_in_flight: int,
        timeout: float | None,
        is_shut: Callable[[], bool],
    ) -> None:
        self._stub = CodingServiceStub(channel)
        self._connection = connection
        self._notes = notes
        self._options = options
        # Whether the channel was closed by the caller, to whom a cancelled stream looks like one that was dropped.
        self._is_shut = is_shut
        self._expires = None if timeout is None else time.monotonic() + timeout
        self._signal = Signal()
        self._ledger = Ledger(
            max_in_flight=max_in_flight,
            attempts=connection.retries.attempts,
            max_request_bytes=connection.max_request_bytes,
        )
        self._closed = False
        self._stream = 0
        self._status_lost = False
        self._source_error: Exception | None = None
        self._transport_error: Exception | None = None

    def outcomes(self) -> Generator[Outcome, None]:
        """Yield an outcome for every note, in the order in which they are decided."""
        feeder = Worker(self._feed, "bertillon-feed")
        exchanger = Worker(self._exchange, "bertillon-exchange")
        try:
            while (outcome := self._next_outcome()) is not None:
                yield outcome
                with self._signal:
                    self._ledger.delivered()
                    self._signal.notify()
        finally:
            with self._signal:
                self._closed = True
                self._signal.notify()
            exchanger.end()
            feeder.end()
        if self._transport_error is not None:
            raise self._transport_error
        if self._source_error is not None:
            raise self._source_error

    def _next_outcome(self) -> Outcome | None:
        with self._signal:
            while True:
                outcome = self._ledger.take()
                if outcome is not None or self._ledger.done or self._transport_error is not None:
                    return outcome
                self._signal.wait()

    def _feed(self) -> None:
        """Take notes from the caller, each one only when there is room for it."""
        notes = steps(self._notes)
        try:
            while self._has_room():
                try:
                    note = next(notes)
                except StopIteration:
                    break
                request = CodeNotesRequest(note=note, options=self._options)
                with self._signal:
                    self._ledger.admit(request)
                    self._signal.notify()
        except Exception as error:  # noqa: BLE001 - the caller's own error, raised where the caller is
            self._source_error = error
        with self._signal:
            self._ledger.source_ended = True
            self._signal.notify()

    def _has_room(self) -> bool:
        with self._signal:
            while not self._closed and not self._ledger.has_room:
                self._signal.wait()
            return not self._closed

    def _exchange(self) -> None:
        """Keep a stream open for as long as there are notes to answer."""
        error: Exception | None
        try:
            error = self._keep_streaming()
        except Exception as unexpected:  # noqa: BLE001 - raised where the caller is
            error = unexpected
        with self._signal:
            self._transport_error = error
            self._signal.notify()

    def _keep_streaming(self) -> BertillonError | None:
        """Open a stream as often as it takes; return the error that ended the run, None at its end."""
        failures = 0
        while self._has_work():
            decided = self._ledger.decided
            error = self._run_stream()
            self._status_lost = (
                isinstance(error, UnavailableError) and error.status is grpc.StatusCode.INTERNAL
            )
            oversized = error if isinstance(error, MessageTooLargeError) else None
            with self._signal:
                if self._closed or self._ledger.done:
                    break
                failures = 1 if self._ledger.decided > decided else failures + 1
                self._ledger.stream_ended(oversized)
                self._signal.notify()
            if oversized is not None:
                continue
            if self._is_shut() or not _may_reopen(error) or failures > self._reopenings:
                return error
            self._pause(self._delay(error, failures), self._stream)
        return None

    @property
    def _reopenings(self) -> int:
        """How often in a row a stream may be opened again: less often if there was never an answer."""
        retries = self._connection.retries
        return retries.reopenings if self._ledger.decided else retries.attempts - 1

    def _has_work(self) -> bool:
        with self._signal:
            while not (self._closed or self._ledger.done or self._ledger.has_work):
                self._signal.wait()
            return not self._closed and not self._ledger.done

    def _run_stream(self) -> BertillonError:
        """Run one stream to its end and say why it ended."""
        metadata, remaining = self._connection.metadata(), None
        if self._expires is not None:
            remaining = max(0.0, self._expires - time.monotonic())
        self._stream += 1
        call = self._stub.CodeNotes(self._requests(self._stream), timeout=remaining, metadata=metadata)
        try:
            for reply in call:
                with self._signal:
                    if self._closed:
                        break
                    self._ledger.record(reply, time.monotonic())
                    self._signal.notify()
        except grpc.RpcError as error:
            return from_call(error)
        except CallDroppedHere:
            if not self._is_shut():
                raise
            return make_error(grpc.StatusCode.CANCELLED, "", Details())
        finally:
            call.cancel()
            with self._signal:
                self._stream += 1
                self._signal.notify()
        return UnavailableError(
            "the server ended the stream before its last answer; check that it runs and try again"
        )

    def _requests(self, stream: int) -> Iterator[CodeNotesRequest]:
        """Yield requests for as long as the stream of that number is the current one."""
        if self._status_lost:
            self._pause(PROBE_S, stream)
        while True:
            with self._signal:
                while True:
                    if self._closed or self._stream != stream or self._ledger.done:
                        return
                    now = time.monotonic()
                    request = self._ledger.next_request(now)
                    if request is not None:
                        break
                    self._signal.wait(self._ledger.delay(now))
            yield request

    def _delay(self, error: BertillonError, failures: int) -> float:
        if error.retry_after is not None:
            return error.retry_after
        # Varied, so that the clients of a server that was replaced do not all come back at once.
        return self._connection.retries.backoff(failures) * random.uniform(0.8, 1.2)

    def _pause(self, seconds: float, stream: int) -> None:
        """Wait, but no longer than the run is open and the stream of that number is the current one."""
        until = time.monotonic() + seconds
        with self._signal:
            while not self._closed and self._stream == stream and (left := until - time.monotonic()) > 0:
                self._signal.wait(left)


def _may_reopen(error: BertillonError) -> bool:
    # A server that stops may drop a stream that it has not begun, or not ended in time, with CANCELLED; where the
    # service itself means it, it gives a reason.
    dropped = isinstance(error, CallCancelledError) and not error.reason
    return dropped or isinstance(error, UnavailableError | OverloadedError)
