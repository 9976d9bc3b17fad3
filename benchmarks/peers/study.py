"""The run: settings are chosen, then every contender is measured in every repeat, and what was measured is kept.

Blocks are kept as they end, so that a run that is cut short, or is to take a few minutes at a time, goes on where
it was when it is started again with the same settings.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from itertools import islice

from benchmarks.notes import variations
from benchmarks.peers.blocks import Block, Plan, Texts
from benchmarks.peers.callers import FAILURES
from benchmarks.peers.contenders import NAMES, Contenders
from benchmarks.peers.kept import Choice, Kept
from benchmarks.peers.registry import PEERS
from benchmarks.peers.running import UnavailableError

# The first hundred notes of a process cost more: what the codes of a category say is read when it is first met.
STARTED = 150
WARM_UP = 16
# Notes that the rate search offers in turn: more than a trial sends.
OFFERED = 300

Say = Callable[[str], None]
Step = Callable[[], None]


def texts_of(notes: Sequence[str], plan: Plan, seed: int, repeat: int = 0) -> Texts:
    """Return the notes of a repeat: all repeats have theirs from one source, so that none gets those of another."""
    offered = OFFERED if plan.rate_repeats else 0
    needed = STARTED + WARM_UP + plan.checked + plan.idle + 2 * plan.saturating + offered
    source = islice(variations(notes, seed), repeat * needed, None)

    def take(count: int) -> tuple[str, ...]:
        return tuple(islice(source, count))

    return Texts(
        take(STARTED),
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
    step: Step = lambda: None,
) -> bool:
    """Measure what is missing until `until` (time.monotonic), end the contenders; return whether nothing is.

    `step` is called once for each contender in each repeat, also where it was measured before or cannot be.
    """
    try:
        return await _measure(contenders, kept, notes, plan, names, seed, until, say, step)
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
    step: Step,
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
        texts = texts_of(notes, plan, seed, repeat)
        for name in order(names, repeat):
            if kept.has(name, repeat) or kept.fails(name):
                step()
                continue
            if time.monotonic() >= until:
                return False
            chosen = kept.choices.get(name)
            block = await contenders.measure(name, repeat, texts, chosen.setting if chosen else None)
            kept.add(block)
            told = {metric: round(value, 2) for metric, value in block.values.items()}
            say(f"repeat {repeat + 1} of {plan.repeats}: {name}: {block.reason or told}")
            step()
    return True
