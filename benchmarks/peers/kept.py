"""What was measured, written as it is measured, so that a run which is cut short goes on where it was.

The first line of the file states what its blocks hold for. A run that would measure something else does not go on
from them: they would be told as if they were of its code, its notes, its machine.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.peers.blocks import PROTOCOL, Block, Plan
from benchmarks.peers.registry import Setting

_DIGITS = 12
"""Hexadecimal digits of a hash that tell two files apart."""


class OtherRunError(Exception):
    """The file holds what another run measured; the message says what differs, and what to do."""


@dataclasses.dataclass(frozen=True, slots=True)
class Choice:
    """The setting of a peer that is best for it, and the notes a second that each of them gave."""

    contender: str
    processes: int
    threads: int
    batch: int
    rates: dict[str, float]

    @property
    def setting(self) -> Setting:
        """The setting."""
        return Setting(self.processes, self.threads, self.batch)


def stated(
    environment: Mapping[str, Any],
    model: str,
    notes: Sequence[str],
    terms: Path | None,
    plan: Plan,
    *,
    full: bool,
    seed: int,
) -> dict[str, Any]:
    """Return what blocks hold for. Repeats are not among it: a run may go on to more of them."""
    return {
        "protocol": PROTOCOL,
        "revision": environment["revision"],
        "modified": environment["modified"],
        "cpu": environment["cpu"],
        "cores": environment["cores"],
        "model": model,
        "notes": hashlib.sha256("\0".join(notes).encode()).hexdigest()[:_DIGITS],
        "terms": None if terms is None else hashlib.sha256(terms.read_bytes()).hexdigest()[:_DIGITS],
        "full": full,
        "rates": plan.rate_repeats,
        "seed": seed,
    }


class Kept:
    """The file: JSON lines, of which the first states what the others hold for.

    Raises OtherRunError where it holds for something else, unless it is to begin anew (`fresh`).
    """

    def __init__(self, path: Path, holds_for: Mapping[str, Any], *, fresh: bool = False) -> None:
        self._path = path
        self.blocks: list[Block] = []
        self.choices: dict[str, Choice] = {}
        lines = path.read_text("utf-8").splitlines() if path.is_file() and not fresh else []
        if not lines:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(holds_for) + "\n", "utf-8")
            return
        if differs := _differences(json.loads(lines[0]), holds_for):
            raise OtherRunError(
                f"{path} holds another run, which differs in {', '.join(differs)}: give --fresh to measure anew "
                "in its place, or another --out"
            )
        for line in lines[1:]:
            one = json.loads(line)
            if "repeat" in one:
                # One in which the generator lagged says nothing, and is measured again.
                self.blocks += [block for block in [Block(**one)] if not block.lagged]
            else:
                self.choices[one["contender"]] = Choice(**one)

    def add(self, one: Block | Choice) -> None:
        """Keep what was measured."""
        if isinstance(one, Block):
            self.blocks.append(one)
        else:
            self.choices[one.contender] = one
        with self._path.open("a", encoding="utf-8") as lines:
            lines.write(json.dumps(dataclasses.asdict(one)) + "\n")

    def has(self, name: str, repeat: int) -> bool:
        """Whether a block was measured."""
        return any((block.contender, block.repeat) == (name, repeat) for block in self.blocks)

    def fails(self, name: str) -> bool:
        """Whether a contender could not be measured before, so that another try would give nothing."""
        return any(block.contender == name and block.is_final for block in self.blocks)


def _differences(there: Mapping[str, Any], here: Mapping[str, Any]) -> list[str]:
    """Return what is not the same, with both values where the file states one."""
    return [
        f"{name} ({there[name]} there, {here[name]} here)" if name in there else name
        for name in here
        if name not in there or there[name] != here[name]
    ]
