"""What the measurements are held against: the gate that a release must pass, and the goal beyond it."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


class Verdict(enum.StrEnum):
    """How a figure stands."""

    GOAL = "goal"
    MET = "met"
    MISS = "miss"
    STATED = "stated"
    """There is nothing to hold it against."""


@dataclass(frozen=True, slots=True)
class Target:
    """A figure of a scenario, what it must be and what it should be; `is_ceiling` when less is better.

    A goal without a gate is of a figure whose gate another one has.
    """

    scenario: str
    figure: str
    title: str
    gate: float | None
    goal: float | None
    is_ceiling: bool = False

    def verdict(self, value: float) -> Verdict:
        """Say how a value stands."""
        if self.goal is not None and self._reaches(value, self.goal):
            return Verdict.GOAL
        if self.gate is None:
            return Verdict.STATED
        return Verdict.MET if self._reaches(value, self.gate) else Verdict.MISS

    @property
    def sign(self) -> str:
        """How a value compares that is good."""
        return "≤" if self.is_ceiling else "≥"

    def _reaches(self, value: float, bound: float) -> bool:
        return value <= bound if self.is_ceiling else value >= bound


def _at_most(scenario: str, figure: str, title: str, gate: float, goal: float | None) -> Target:
    return Target(scenario, figure, title, gate, goal, is_ceiling=True)


TARGETS: tuple[Target, ...] = (
    Target("offline", "serving_efficiency", "Bulk notes/s against the encoder alone in a loop", 0.85, 0.95),
    Target("offline", "peak_share_served", "Encoder arithmetic served, of the int8 peak", 0.50, 0.65),
    Target("offline", "served", "Bulk throughput", None, None),
    Target(
        "peers", "serving_efficiency", "Bulk notes/s against the encoder alone, beside the peers", 0.85, 0.95
    ),
    Target("peers", "rate_over_best_peer", "Rate with p99 within 250 ms against the best peer", 2.0, 4.0),
    Target("peers", "throughput_over_best_peer", "Throughput against the best peer", None, None),
    Target("peers", "over_rules", "Bulk notes/s against a pipeline of rules", 3.0, 10.0),
    Target("server", "sustained_rate", "Notes/s with p99 within 250 ms", None, None),
    Target(
        "server", "within_objective_again", "Of notes within 250 ms when offered that rate again", None, None
    ),
    _at_most("single-stream", "note_p50", "One note, idle: p50", 45, 30),
    _at_most("single-stream", "note_p99", "One note, idle: p99", 90, 60),
    _at_most("streaming", "first_section_p50", "First section of a note, idle: p50", 15, 8),
    _at_most("single-stream", "section_p50", "CodeSection, 300 characters, idle: p50", 10, 5),
    _at_most("single-stream", "section_p99", "CodeSection, 300 characters, idle: p99", 20, 10),
    _at_most("mixed", "section_beside_bulk_p99", "CodeSection beside saturating bulk: p99", 40, 20),
    _at_most("mixed", "unanswered", "Sections that had no answer, alone or beside bulk", 0, 0),
    Target("mixed", "bulk_beside_sections", "Bulk notes/s meanwhile", None, None),
    Target("mixed", "bulk_copied", "Of its text, what the server had kept", None, None),
    _at_most("audit", "audit_over_note", "AuditNote against CodeNote", 1.3, 1.3),
    Target("overload", "goodput_at_200", "Goodput at 200 % load, of the peak, as text", 0.95, 0.98),
    _at_most(
        "overload",
        "kept_in_vain_at_200",
        "Of what was not refused at once at 200 %, not within 500 ms",
        0.01,
        None,
    ),
    Target(
        "overload",
        "kept_past_objective_at_200",
        "Of what was not refused at once at 200 %, not within 250 ms",
        None,
        0.01,
        is_ceiling=True,
    ),
    Target("overload", "answered_p99_at_200", "What was answered at 200 % load: p99", None, None),
    Target(
        "overload",
        "goodput_in_time_at_200",
        "Goodput within 250 ms at 200 % load, of the peak, as text",
        None,
        None,
    ),
    Target("overload", "recovery_at_200", "Recovery after 200 % load", None, None),
    Target("copy-forward", "gain", "Throughput with 60 % of the text copied, against unique", 1.8, 2.3),
    Target("workers", "two_over_one", "Two server processes against one and its coding processes", 1.0, None),
    _at_most("profile", "outside_encoder", "Processor time of a note outside of the encoder", 0.15, 0.15),
    Target(
        "profile", "speedup_on_8_cores_1_process", "Eight cores over one, on paper, one process", None, None
    ),
    Target("profile", "speedup_on_8_cores_4_processes", "The same, four processes", None, None),
    _at_most("soak", "growth", "Memory after 100,000 notes, of that after 1,000", 1.05, 1.02),
    _at_most("soak", "failed", "Notes of the soak that were not coded", 0, 0),
    _at_most("cold-start", "serving", "Spawn to SERVING", 3.0, 3.0),
    Target("cold-start", "processes_ready", "Coding processes ready, from the first bulk note", None, None),
    _at_most("drain", "lost", "Requests lost when stopped under load", 0, 0),
    Target("drain", "under_way", "Requests under way when told to stop", None, None),
    _at_most("drain", "exit_code", "Exit code of a server stopped under load", 0, 0),
    _at_most("offsets", "wrong", "Spans that do not quote what stands there", 0, 0),
)


@dataclass(frozen=True, slots=True)
class Judged:
    """A target beside what was measured; `measured` is None where its scenario did not say."""

    target: Target
    measured: Mapping[str, Any] | None

    @property
    def verdict(self) -> Verdict | None:
        """How it stands, None where nothing was measured."""
        value = None if self.measured is None else self.measured["value"]
        return None if value is None else self.target.verdict(value)


def judged(records: Iterable[Mapping[str, Any]]) -> list[Judged]:
    """Return every target of the scenarios that were run, in the order of the table."""
    by_name = {record["scenario"]: record for record in records}
    return [
        Judged(target, by_name[target.scenario]["figures"].get(target.figure))
        for target in TARGETS
        if target.scenario in by_name
    ]
