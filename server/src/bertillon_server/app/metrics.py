"""Prometheus metrics: what the calls, the scheduler and the process are doing. No text, no ids."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

import prometheus_client as prometheus
from google.rpc import code_pb2  # type: ignore[import-untyped]
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from bertillon.coding.v1 import types_pb2 as types
from bertillon_server.api.record import CallRecord
from bertillon_server.app.process_usage import processor_seconds, resident_bytes
from bertillon_server.coding.processes import Processes
from bertillon_server.coding.section_cache import LookUp, SectionCache
from bertillon_server.inference.call import Priority
from bertillon_server.inference.observer import ShedReason
from bertillon_server.inference.scheduler import SchedulerStats

# Seconds: from a cached section to the longest note on a busy machine.
_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_TOKENS: Final = (16, 32, 64, 128, 256, 384, 512, 768, 1_024, 2_048)
_WINDOWS: Final = (1, 2, 4, 8, 16, 32, 64, 128)

_STAGES: Final = ("queue", "tokenize", "infer", "link", "total")


class Metrics:
    """Observes calls and the scheduler; each instance has a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        prometheus.ProcessCollector(registry=self.registry)
        prometheus.GCCollector(registry=self.registry)
        counter, gauge, histogram = self._counter, self._gauge, self._histogram
        self._info = prometheus.Info("bertillon", "What is running.", registry=self.registry)
        self._rpcs = counter("rpcs", "Calls ended, by gRPC code.", "method", "code")
        self._errors = counter("errors", "Calls ended with an error of the service's own.", "reason")
        self._bugs = counter("bugs", "Errors that the vocabulary does not foresee.")
        self._in_flight = gauge("rpcs_in_flight", "Calls begun and not ended.", "method")
        self._seconds = histogram("rpc_seconds", "Time of a call.", _SECONDS, "method")
        self._first = histogram(
            "rpc_first_response_seconds", "Time to the first message of a reply.", _SECONDS, "method"
        )
        self._notes = counter("notes", "Notes and section texts answered, by gRPC code.", "code")
        self._sections = counter("sections", "Sections coded.")
        self._mentions = counter("mentions", "Mentions found.")
        self._codes = counter("codes", "Codes in encounter summaries.")
        self._code_points = counter("code_points", "Code points of text received.")
        self._stages = histogram("stage_seconds", "Time of a note by stage.", _SECONDS, "stage")
        self._queue_wait = histogram("queue_wait_seconds", "Wait for the encoder.", _SECONDS, "priority")
        self._batch_seconds = histogram("batch_seconds", "Time of one pass of the encoder.", _SECONDS)
        self._batch_windows = histogram("batch_windows", "Windows in one pass of the encoder.", _WINDOWS)
        self._batch_tokens = histogram("batch_tokens", "Tokens in one pass, padding included.", _TOKENS)
        self._encoder_seconds = counter("encoder_processor_seconds", "Processor time that the encoder took.")
        self._tokens = counter("tokens", "Tokens encoded, without padding.")
        self._padding = counter("padding_tokens", "Tokens of padding encoded.")
        self._shed = counter("shed", "Work refused or abandoned by the scheduler.", "reason")
        self._queued_windows = gauge("queue_windows", "Windows waiting for a batch.", "priority")
        self._queued_tokens = gauge("queue_tokens", "Tokens waiting for a batch.", "priority")
        self._admitted_tokens = gauge(
            "admitted_tokens", "Tokens admitted and not yet encoded, by which overload is judged.", "priority"
        )
        self._waiting_notes = gauge("waiting_notes", "Notes that wait to be admitted, or for their turn.")
        self._looked_up = counter(
            "section_lookups",
            "Sections looked for in the cache: hit, joined (being coded) or miss.",
            "result",
        )
        self._looked_up_text = counter(
            "section_lookup_code_points", "Code points of sections looked for in the cache.", "result"
        )
        self._cache_bytes = gauge("section_cache_bytes", "Bytes of results kept for copied sections.")
        self._cached = gauge("section_cache_entries", "Results kept for copied sections.")
        self._processes = gauge("coding_processes", "Processes that code sections for this one, ready.")
        self._processes_wanted = gauge(
            "coding_processes_wanted", "Processes that are to code sections, once they are of use."
        )
        self._processes_bytes = gauge(
            "coding_processes_resident_memory_bytes", "Resident memory of the processes that code sections."
        )
        self._processes_seconds = gauge(
            "coding_processes_cpu_seconds",
            "Processor time that the processes which code sections have taken.",
        )
        self._restarts = gauge("coding_process_restarts", "Processes started in place of ones that ended.")
        self._tasks = gauge("tasks", "Tasks of the event loop; back to its idle level when idle.")
        # Looked up once: these are counted for each section or batch. A rate also exists before the first event.
        self._shed_for = {reason: self._shed.labels(reason.value) for reason in ShedReason}
        self._waited = {priority: self._queue_wait.labels(priority.name.lower()) for priority in Priority}
        self._in_stage = [(f"{stage}_us", self._stages.labels(stage)) for stage in _STAGES]
        self._found = {
            result: (self._looked_up.labels(result.value), self._looked_up_text.labels(result.value))
            for result in LookUp
        }

    def describe(self, version: str, model: str) -> None:
        """State what is running."""
        self._info.info({"version": version, "model": model})

    def watch_queue(self, stats: Callable[[], SchedulerStats]) -> None:
        """Read the depth of the queue whenever it is scraped."""
        for priority in Priority:
            label = priority.name.lower()
            self._queued_windows.labels(label).set_function(
                lambda priority=priority: stats().queued_windows[priority]  # type: ignore[misc]
            )
            self._queued_tokens.labels(label).set_function(
                lambda priority=priority: stats().queued_tokens[priority]  # type: ignore[misc]
            )
            self._admitted_tokens.labels(label).set_function(
                lambda priority=priority: stats().admitted_tokens[priority]  # type: ignore[misc]
            )
        self._waiting_notes.set_function(lambda: stats().waiting_admissions)

    def watch_cache(self, cache: SectionCache) -> None:
        """Read the size of the cache whenever it is scraped."""
        self._cache_bytes.set_function(lambda: cache.size)
        self._cached.set_function(lambda: len(cache))

    def watch_processes(self, processes: Processes) -> None:
        """Look at the processes that code sections whenever they are scraped."""
        self._processes.set_function(lambda: len(processes.pids))
        self._processes_wanted.set(processes.wanted)
        self._processes_bytes.set_function(lambda: resident_bytes(processes.pids))
        self._processes_seconds.set_function(lambda: processor_seconds(processes.pids))
        self._restarts.set_function(lambda: processes.restarts)

    def watch_tasks(self, loop: asyncio.AbstractEventLoop) -> None:
        """Count the tasks of an event loop whenever they are scraped."""
        self._tasks.set_function(lambda: len(asyncio.all_tasks(loop)))

    def call_started(self, record: CallRecord) -> None:
        """Count a call in flight."""
        self._in_flight.labels(_short(record.method)).inc()

    def note_coded(self, method: str, timings: types.Timings) -> None:  # noqa: ARG002 - one family for all
        """Count where the time of a note went."""
        self._notes.labels("OK").inc()
        for field, seconds in self._in_stage:
            seconds.observe(getattr(timings, field) / 1e6)

    def call_finished(self, record: CallRecord) -> None:
        """Count a call and what it carried."""
        method = _short(record.method)
        self._in_flight.labels(method).dec()
        self._rpcs.labels(method, record.code.name).inc()
        if record.reason:
            self._errors.labels(record.reason).inc()
        if record.finished is not None:
            self._seconds.labels(method).observe(record.finished - record.started)
        if record.first_response is not None:
            self._first.labels(method).observe(record.first_response - record.started)
        for number, count in record.note_errors.items():
            self._notes.labels(code_pb2.Code.Name(number)).inc(count)
        self._sections.inc(record.sections)
        self._mentions.inc(record.mentions)
        self._codes.inc(record.codes)
        self._code_points.inc(record.code_points)

    def bug_found(self, request_id: str, error: Exception) -> None:  # noqa: ARG002 - the log has the rest
        """Count a bug."""
        self._bugs.inc()

    def queue_wait(self, seconds: float, priority: Priority) -> None:
        """Count a wait for the encoder."""
        self._waited[priority].observe(seconds)

    def batch(
        self, windows: int, tokens: int, padded_tokens: int, seconds: float, processor_seconds: float
    ) -> None:
        """Count a pass of the encoder."""
        self._encoder_seconds.inc(processor_seconds)
        self._batch_seconds.observe(seconds)
        self._batch_windows.observe(windows)
        self._batch_tokens.observe(padded_tokens)
        self._tokens.inc(tokens)
        self._padding.inc(padded_tokens - tokens)

    def shed(self, reason: ShedReason) -> None:
        """Count work refused or abandoned."""
        self._shed_for[reason].inc()

    def section_looked_up(self, result: LookUp, code_points: int) -> None:
        """Count a section looked for in the cache."""
        sections, text = self._found[result]
        sections.inc()
        text.inc(code_points)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"bertillon_{name}", text, labels, registry=self.registry)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(f"bertillon_{name}", text, labels, registry=self.registry)

    def _histogram(self, name: str, text: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
        return Histogram(f"bertillon_{name}", text, labels, buckets=buckets, registry=self.registry)


def _short(method: str) -> str:
    """Return `CodingService/CodeNote` of `/bertillon.coding.v1.CodingService/CodeNote`."""
    return method.rsplit(".", 1)[-1]
