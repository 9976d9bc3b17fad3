"""How good a bundle is on record, and whether another may take its place.

The record lies in the bundle itself, beside what the manifest lists: a bundle that is built anew has none until it is
scored again. Figures of two bundles are compared only where they are of the very same notes or mentions.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from bertillon_server.bundle.loader import Bundle

RECORD_FILE = "REPORT.json"
REPORT_FILE = "REPORT.md"


@dataclass(frozen=True, slots=True)
class Measure:
    """A figure, higher being better, and the sha256 of the set that it was measured on."""

    value: float
    units: int
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Standing:
    """The figures of a bundle, by what is measured; `label` is the bundle's."""

    label: str
    measures: Mapping[str, Measure]


def fingerprint_of(rows: Iterable[object]) -> str:
    """Return the sha256 of a set, given what identifies each of its notes or mentions."""
    digest = hashlib.sha256()
    for row in rows:
        digest.update(repr(row).encode() + b"\n")
    return digest.hexdigest()


def write_record(folder: Path, standing: Standing, report: Mapping[str, object]) -> None:
    """Write the record of a bundle into its folder, with the rest of the report."""
    record = {
        "bundle": standing.label,
        "standing": {name: asdict(measure) for name, measure in standing.measures.items()},
        **report,
    }
    partial = folder / f".{RECORD_FILE}"
    partial.write_text(json.dumps(record, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    partial.replace(folder / RECORD_FILE)


def read_standing(bundle: Bundle) -> Standing | None:
    """Return what is on record of a bundle; None when nothing is, or when the record is of another build."""
    try:
        record = json.loads((bundle.directory / RECORD_FILE).read_text(encoding="utf-8"))
        if record["bundle"] != bundle.label:
            return None
        measures = {
            str(name): Measure(float(measure["value"]), int(measure["units"]), str(measure["fingerprint"]))
            for name, measure in record["standing"].items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return Standing(bundle.label, measures)


def objection(candidate: Bundle, current: Bundle) -> str:
    """Say in one sentence why a bundle may not take another's place; empty when it may.

    It may when both were scored on the same sets and no figure of the candidate is lower.
    """
    new, old = read_standing(candidate), read_standing(current)
    for bundle, standing in ((candidate, new), (current, old)):
        if standing is None:
            return f"no evaluation of {bundle.label} is on record in {bundle.directory}"
    if new is None or old is None:
        return ""
    shared = [
        name
        for name, measure in old.measures.items()
        if name in new.measures and new.measures[name].fingerprint == measure.fingerprint
    ]
    if not shared:
        return f"{new.label} and {old.label} were not scored on the same sets"
    lower = [
        f"{name} {new.measures[name].value:.3f} instead of {old.measures[name].value:.3f}"
        for name in shared
        if not new.measures[name].value >= old.measures[name].value
    ]
    return f"{new.label} is worse than {old.label}: {'; '.join(lower)}" if lower else ""
