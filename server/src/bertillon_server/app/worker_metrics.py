"""The metrics of several processes on one port: every sample of a worker, with its number as the label `worker`.

They are not added up: Prometheus does that (`sum without (worker)`), and notices when a counter begins anew because
its worker was replaced.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from multiprocessing.connection import Connection
from typing import Final

import prometheus_client as prometheus
from prometheus_client import CollectorRegistry, Counter, Gauge
from prometheus_client.registry import Collector

# A worker answers within milliseconds; one that does not is left out of this scrape.
_ANSWER_S: Final = 2.0
SUPERVISOR: Final = "supervisor"


class WorkerMetrics(Collector):
    """Asks the workers whenever it is scraped."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._workers: dict[int, Connection] = {}
        own = CollectorRegistry()
        prometheus.ProcessCollector(registry=own)
        self.serving = Gauge("bertillon_workers", "Workers that serve.", registry=own)
        self.restarts = Counter("bertillon_worker_restarts", "Workers that were replaced.", registry=own)
        self._own = own
        self.registry = CollectorRegistry()
        self.registry.register(self)

    def connect(self, number: int, scrapes: Connection) -> None:
        """Ask this worker from now on, in place of one of the same number."""
        with self._lock:
            old = self._workers.pop(number, None)
            self._workers[number] = scrapes
        if old is not None:
            old.close()

    def collect(self) -> Iterable[prometheus.Metric]:
        """Return the families of all workers and of the supervisor."""
        families: dict[str, prometheus.Metric] = {}
        with self._lock:
            for number, scrapes in self._workers.items():
                _add(families, self._ask(scrapes), str(number))
        _add(families, self._own.collect(), SUPERVISOR)
        return families.values()

    def _ask(self, scrapes: Connection) -> Iterable[prometheus.Metric]:
        try:
            while scrapes.poll():
                scrapes.recv()  # an answer that came too late for its scrape
            scrapes.send(None)
            if scrapes.poll(_ANSWER_S):
                answer: list[prometheus.Metric] = scrapes.recv()
                return answer
        except (EOFError, OSError):
            pass  # it has ended, and another will take its place
        return []


def _add(families: dict[str, prometheus.Metric], more: Iterable[prometheus.Metric], worker: str) -> None:
    """Add families to those of other workers, with a label that tells them apart."""
    for family in more:
        known = families.setdefault(
            family.name, prometheus.Metric(family.name, family.documentation, family.type)
        )
        known.samples += [
            sample._replace(labels=sample.labels | {"worker": worker}) for sample in family.samples
        ]
