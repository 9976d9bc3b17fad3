"""The run: settings are chosen, then every contender is measured in every repeat, and what was measured is kept.

Blocks are written as they end, so that a run that is cut short, or is to take a few minutes at a time, goes on where
it was when it is started again with the same settings.
"""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from benchmarks.notes import variations
from benchmarks.peers.blocks import Block, Plan, Texts
from benchmarks.peers.callers import FAILURES
from benchmarks.peers.contenders import NAMES, Contenders
from benchmarks.peers.registry import PEERS, Setting
from benchmarks.peers.running import UnavailableError

WARM_UP = 16
# Notes that the rate search offers in turn: more than a trial sends.
OFFERED = 300

Say = Callable[[str], None]


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


class Kept:
    """What was measured, in a file of JSON lines of which the first states what it holds for."""

    def __init__(self, path: Path, stated: dict[str, Any]) -> None:
        self._path = path
        self.blocks: list[Block] = []
        self.choices: dict[str, Choice] = {}
        lines = path.read_text("utf-8").splitlines() if path.is_file() else []
        if not lines or json.loads(lines[0]) != stated:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(stated) + "\n", "utf-8")
            return
        for line in lines[1:]:
            one = json.loads(line)
            if "repeat" in one:
                self.blocks.append(Block(**one))
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


def texts_of(notes: Sequence[str], plan: Plan, seed: int) -> Texts:
    """Return the notes of a repeat."""
    source = variations(notes, seed)

    def take(count: int) -> tuple[str, ...]:
        return tuple(islice(source, count))

    offered = OFFERED if plan.rate_repeats else 0
    return Texts(
        take(WARM_UP),
        take(plan.checked),
        take(plan.idle),
        take(plan.saturating),
        take(plan.saturating),
        take(offered),
    )


def order(names: Sequence[str], repeat: int) -> Iterator[str]:
    """Yield the contenders in the order of a repeat: each begins with another one, so that drift hits all alike."""
    turn = repeat % len(names)
    yield from (*names[turn:], *names[:turn])


async def measure(
    contenders: Contenders,
    kept: Kept,
    notes: Sequence[str],
    plan: Plan,
    *,
    names: Sequence[str] = NAMES,
    seed: int = 7,
    until: float = float("inf"),
    say: Say = lambda _: None,
) -> bool:
    """Measure what is missing until `until` (time.monotonic), end the contenders; return whether nothing is."""
    try:
        return await _measure(contenders, kept, notes, plan, names, seed, until, say)
    finally:
        await contenders.close()


async def _measure(
    contenders: Contenders,
    kept: Kept,
    notes: Sequence[str],
    plan: Plan,
    names: Sequence[str],
    seed: int,
    until: float,
    say: Say,
) -> bool:
    for peer in PEERS if plan.is_choosing else ():
        if peer.name not in names or peer.name in kept.choices or kept.fails(peer.name):
            continue
        if time.monotonic() >= until:
            return False
        try:
            setting, rates = await contenders.best_setting(peer, texts_of(notes, plan, seed - 1))
        except UnavailableError as error:
            kept.add(Block(0, peer.name, reason=str(error), is_final=True))
            say(f"{peer.name}: skipped: {error}")
            continue
        except (RuntimeError, *FAILURES) as error:
            # It may pass: the same command tries again.
            say(f"{peer.name}: no setting was chosen: {error}")
            continue
        choice = Choice(peer.name, setting.processes, setting.threads, setting.batch, rates)
        kept.add(choice)
        say(f"{peer.name}: {setting} of {rates}")
    for repeat in range(plan.repeats):
        texts = texts_of(notes, plan, seed + repeat)
        for name in order(names, repeat):
            if kept.has(name, repeat) or kept.fails(name):
                continue
            if time.monotonic() >= until:
                return False
            chosen = kept.choices.get(name)
            block = await contenders.measure(name, repeat, texts, chosen.setting if chosen else None)
            kept.add(block)
            told = {metric: round(value, 2) for metric, value in block.values.items()}
            say(f"repeat {repeat + 1} of {plan.repeats}: {name}: {block.reason or told}")
    return True
