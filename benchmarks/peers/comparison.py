"""From blocks to figures: for each peer and metric the repeats, how many times we are better, how sure that is."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from benchmarks.load.latencies import Latencies
from benchmarks.peers.blocks import Block
from benchmarks.peers.contenders import BULK, CEILING, IDLE_P50, IDLE_P99, NOTES, OURS, RATE
from benchmarks.peers.environments import version_of
from benchmarks.peers.kept import Choice
from benchmarks.peers.registry import PEERS
from benchmarks.peers.rules import NAME as RULES
from benchmarks.peers.rules import PACKAGES as RULES_PACKAGES
from benchmarks.peers.rules import TITLE as RULES_TITLE
from benchmarks.scenario import Figure, Measured

UNITS = {NOTES: "notes/s", BULK: "notes/s", RATE: "notes/s", IDLE_P50: "ms", IDLE_P99: "ms"}
TITLES = {CEILING: "onnxruntime in a loop", RULES: RULES_TITLE} | {peer.name: peer.title for peer in PEERS}
_LESS_IS_BETTER = frozenset({IDLE_P50, IDLE_P99})
_ENCODER_PACKAGES = ("onnxruntime", "tokenizers", "numpy")


@dataclass(frozen=True, slots=True)
class Row:
    """One metric of one peer.

    `ratio` is how many times we are better, None where nothing was measured or theirs is 0, and then `skipped_reason`
    says why. Where a rate was 0 in some repeat it is that of the medians, and `skipped_reason` says so. `interval` is
    its 95 % interval, None for fewer than three repeats and for medians. `ours` and `values` hold the repeats that
    have both. `outputs_equal` says whether the answers for `compared` notes were ours, None where there are none to
    compare.
    """

    peer: str
    title: str
    metric: str
    unit: str
    values: tuple[float, ...]
    ours: tuple[float, ...]
    ratio: float | None
    interval: tuple[float, float] | None
    outputs_equal: bool | None
    compared: int
    skipped_reason: str | None
    setting: str
    versions: dict[str, str]

    def told(self) -> dict[str, object]:
        """Return the row as plain values."""
        return asdict(self)


def rows_of(blocks: Sequence[Block], choices: Mapping[str, Choice]) -> list[Row]:
    """Return the rows of all peers, in the order in which they were named in the plan.

    A peer that answered something else in any repeat has no figures of the others either.
    """
    ours = {block.repeat: block for block in blocks if block.contender == OURS and block.reason is None}
    lost = [
        f"{block.repeat + 1}: {block.reason}" for block in blocks if block.contender == OURS and block.reason
    ]
    missing = f"ours was not measured in repeat {', '.join(lost)}" if lost else None
    unequal = _unequal(blocks)
    rows = []
    for name in (CEILING, *(peer.name for peer in PEERS), RULES):
        own = [block for block in blocks if block.contender == name]
        if not own:
            continue
        setting = str(choices[name].setting) if name in choices else own[-1].setting
        reason = unequal.get(name) or next((block.reason for block in own if block.reason), None) or missing
        found = [block for block in own if block.reason is None and name not in unequal]
        equal = [block.equal for block in own if block.equal is not None]
        compared = (all(equal) if equal else None, sum(block.checked for block in found))
        metrics = [metric for metric in UNITS if any(metric in block.values for block in found)]
        for metric in metrics:
            pairs = [
                (ours[block.repeat].values[metric], block.values[metric])
                for block in found
                if block.repeat in ours and metric in ours[block.repeat].values and metric in block.values
            ]
            rows.append(_row(name, metric, pairs, compared, reason, setting))
        if not metrics:
            rows.append(_row(name, NOTES, [], compared, reason or "nothing was measured", setting))
    return rows


def failure_of(blocks: Sequence[Block]) -> str | None:
    """Return why a run has failed, None where it has not.

    It has where the generator could not keep up, or a peer did not answer as we do; not where a peer cannot run.
    """
    failed = (block for block in blocks if block.lagged or block.equal is False)
    return "; ".join(dict.fromkeys(f"{block.contender}: {block.reason}" for block in failed)) or None


def _unequal(blocks: Sequence[Block]) -> dict[str, str]:
    """Return who answered something else in some repeat, and what is told of it."""
    return {block.contender: block.reason or "" for block in blocks if block.equal is False}


def _row(
    name: str,
    metric: str,
    pairs: Sequence[tuple[float, float]],
    compared: tuple[bool | None, int],
    reason: str | None,
    setting: str,
) -> Row:
    ours, theirs = tuple(own for own, _ in pairs), tuple(other for _, other in pairs)
    over, under = (theirs, ours) if metric in _LESS_IS_BETTER else (ours, theirs)
    ratio, interval = _ratio(over, under)
    if pairs and not (all(over) and all(under)):
        told = "there is no ratio" if ratio is None else "the ratio is that of the medians"
        reason = reason or f"{metric} was 0 in a repeat, ours {min(ours):g}, theirs {min(theirs):g}: {told}"
    return Row(
        peer=name,
        title=TITLES[name],
        metric=metric,
        unit=UNITS[metric],
        values=theirs,
        ours=ours,
        ratio=ratio,
        interval=interval,
        outputs_equal=compared[0],
        compared=compared[1],
        skipped_reason=reason,
        setting=setting,
        versions=_versions(name),
    )


def _ratio(over: Sequence[float], under: Sequence[float]) -> tuple[float | None, tuple[float, float] | None]:
    """Return how many times `over` is `under` and the interval; no ratio where there is nothing to divide by."""
    if not over:
        return None, None
    if all(over) and all(under):
        figure = Figure.ratio(over, under)
        return figure.value, figure.interval
    middle = statistics.median(under)
    return (statistics.median(over) / middle if middle else None), None


def figures_of(rows: Sequence[Row]) -> dict[str, Figure]:
    """Return the ratios that have targets, those there are.

    The best peer is the best of all that were measured, also where a repeat of it or of ours was 0.
    """
    figures: dict[str, Figure] = {}
    servers = [row for row in rows if row.peer not in {CEILING, RULES} and row.values]
    for name, metric in (("rate_over_best_peer", RATE), ("throughput_over_best_peer", NOTES)):
        measured = [row for row in servers if row.metric == metric]
        if measured:
            best = max(measured, key=lambda row: statistics.median(row.values))
            _add(figures, name, best)
    for name, peer in (("serving_efficiency", CEILING), ("over_rules", RULES)):
        for row in rows:
            if row.peer == peer and row.metric == BULK:
                _add(figures, name, row)
    return figures


def _add(figures: dict[str, Figure], name: str, row: Row) -> None:
    if row.ratio is not None:
        pairs = zip(row.ours, row.values, strict=True)
        figures[name] = Figure(
            row.ratio, "x", tuple(a / b if b else math.nan for a, b in pairs), row.interval
        )


def measured_of(blocks: Sequence[Block], choices: Mapping[str, Choice], repeats: int) -> Measured:
    """Return what a run found as scenarios tell it; the rows are `peers` of the details."""
    rows = rows_of(blocks, choices)
    unequal = _unequal(blocks)
    equal = [block for block in blocks if block.contender not in unequal]
    details = {
        "peers": [row.told() for row in rows],
        "repeats": repeats,
        "choices": {name: choice.rates for name, choice in choices.items()},
        "trials": {f"{block.contender} {block.repeat}": block.trials for block in equal if block.trials},
    }
    return Measured(figures_of(rows), _histograms(equal), details)


def _histograms(blocks: Sequence[Block]) -> dict[str, Latencies]:
    """Return the idle latencies of each contender over all repeats."""
    histograms: dict[str, Latencies] = {}
    for block in blocks:
        if block.idle and block.reason is None:
            histograms.setdefault(f"idle_{block.contender}", Latencies()).add(Latencies.decoded(block.idle))
    return histograms


def _versions(name: str) -> dict[str, str]:
    if name == CEILING:
        return {}
    if name == RULES:
        return {package: version_of(name, package) for package in RULES_PACKAGES}
    packages = (next(peer.package for peer in PEERS if peer.name == name), *_ENCODER_PACKAGES)
    return {package: version_of(name, package) for package in packages}
