"""What records differ in that are shown together: then they are no one run, and their figures do not compare."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

Record = Mapping[str, Any]


def revision(record: Record) -> str:
    """Return the revision of the repository that was measured, and whether it had been changed."""
    environment = record.get("environment", {})
    changed = " with changes" if environment.get("modified") else ""
    return f"{str(environment.get('revision', '?'))[:10]}{changed}"


def _setting(name: str) -> Callable[[Record], object]:
    return lambda record: record.get("settings", {}).get(name)


def _notes(record: Record) -> object:
    notes = _setting("notes")(record)
    # Some scenarios always take the sample note, and say so.
    return notes if isinstance(notes, int) else None


def _flags(record: Record) -> str:
    return " ".join(record.get("settings", {}).get("flags", [])) or "none"


_ASPECTS: Mapping[str, Callable[[Record], object]] = {
    "revision": revision,
    "bundle": lambda record: record.get("model"),
    "server flags": _flags,
    "number of notes": _notes,
    "characters of all notes": _setting("characters"),
    "seed": _setting("seed"),
}


def differences(records: Sequence[Record]) -> list[str]:
    """Return a line for each thing in which records differ: the values, and which scenarios have them."""
    lines = []
    for aspect, of in _ASPECTS.items():
        found: dict[str, list[str]] = {}
        for record in records:
            value = of(record)
            if value is not None:
                found.setdefault(str(value), []).append(record["scenario"])
        if len(found) > 1:
            values = "; ".join(f"{value} ({', '.join(scenarios)})" for value, scenarios in found.items())
            lines.append(f"{aspect}: {values}")
    return lines
