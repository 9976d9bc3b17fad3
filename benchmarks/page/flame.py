"""A flame graph as inline SVG: what was called below what, as wide as the processor time it took."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from html import escape

from benchmarks.stacks import CODING, OTHER, SERVER, STAGES, stage_of

WIDTH = 960
_ROW = 17
# Frames that say where a thread comes from: every stack begins with some of them.
_PLUMBING = (
    "threading.py)",
    "concurrent/futures/",
    "asyncio/",
    "<module>",
    "click/",
    "bertillon_server/app/",
)
_NARROWEST_PX = 1.5
_LETTER_PX = 6.2
_DEEPEST = 24


@dataclass(slots=True)
class _Node:
    """A frame with what was called from it; `stages` tells how often each stage was seen below it."""

    name: str
    count: int = 0
    stages: dict[str, int] = field(default_factory=dict)
    called: dict[str, _Node] = field(default_factory=dict)


def flame(stacks: Iterable[tuple[Sequence[str], int]]) -> str:
    """Draw stacks, outermost frame on top; colours are those of the stage that a frame mostly works for."""
    root = _Node("all")
    for frames, count in stacks:
        stage = stage_of(frames)
        node = root
        _count(node, stage, count)
        for frame in _telling(frames)[:_DEEPEST]:
            node = node.called.setdefault(frame, _Node(frame))
            _count(node, stage, count)
    if not root.count:
        return ""
    parts: list[str] = []
    depth = _draw(root, 0.0, 0, WIDTH / root.count, root.count, parts)
    height = (depth + 1) * _ROW
    return (
        f'<svg class="flame" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" role="img">{"".join(parts)}</svg>'
    )


def colour(stage: str) -> int:
    """Return the number of the colour of a stage."""
    names = [name for name, _ in STAGES]
    return len(names) if stage == OTHER else names.index(stage)


def _count(node: _Node, stage: str, count: int) -> None:
    node.count += count
    node.stages[stage] = node.stages.get(stage, 0) + count


def _telling(frames: Sequence[str]) -> Sequence[str]:
    """Return the process, where it is told, and the frames from the first that is not plumbing."""
    if frames[0] in {SERVER, CODING}:
        return [frames[0], *(_telling(frames[1:]) if len(frames) > 1 else [])]
    for index, frame in enumerate(frames):
        if not any(part in frame for part in _PLUMBING):
            return frames[index:]
    return frames[-1:]


def _draw(node: _Node, left: float, depth: int, scale: float, total: int, parts: list[str]) -> int:
    """Draw a frame and those below it; return how deep that went."""
    width = node.count * scale
    if width < _NARROWEST_PX:
        return depth - 1
    stage = max(node.stages, key=lambda name: node.stages[name])
    y = depth * _ROW
    function = node.name.split(" (")[0]
    room = int((width - 6) / _LETTER_PX)
    text = function if len(function) <= room else function[: room - 1] + "…" if room > 3 else ""
    share = f"{node.count / total:.1%}"
    parts.append(
        f"<g><title>{escape(node.name)}: {share} ({escape(stage)})</title>"
        f'<rect class="f{colour(stage)}" x="{left:.1f}" y="{y}" width="{width:.1f}" height="{_ROW - 1}"/>'
        + (f'<text x="{left + 3:.1f}" y="{y + 12}">{escape(text)}</text>' if text else "")
        + "</g>"
    )
    deepest = depth
    for child in sorted(node.called.values(), key=lambda one: -one.count):
        deepest = max(deepest, _draw(child, left, depth + 1, scale, total, parts))
        left += child.count * scale
    return deepest
