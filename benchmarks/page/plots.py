"""Plots as inline SVG: lines, bars. Colours come from the page's style sheet, by the number of the series."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from benchmarks.page.axes import Axis, linear, logarithmic
from benchmarks.table import number

WIDTH, HEIGHT = 460, 250
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 12, 12, 40
_LEGEND_LINE = 16

_BAR, _BAR_GAP, _BAR_LABEL = 18, 8, 150
# Width of a character of the page's plots, generously: fonts differ.
_CHARACTER = 6.8


@dataclass(frozen=True, slots=True)
class Line:
    """A named series of points (x, y); `is_stepped` draws a distribution as the staircase that it is."""

    name: str
    points: Sequence[tuple[float, float]]
    is_stepped: bool = False
    has_dots: bool = False


@dataclass(frozen=True, slots=True)
class Bar:
    """A named value, its interval where there is one, and what is written beside it."""

    name: str
    value: float
    text: str
    interval: tuple[float, float] | None = None


def lines(
    series: Sequence[Line],
    x_title: str,
    y_title: str,
    *,
    x_log: bool = False,
    y_log: bool = False,
    limit: tuple[float, str] | None = None,
    limit_is_x: bool = False,
) -> str:
    """Draw series over common axes. `limit` is a value to hold them against, and its name: of y, or of x."""
    series = [line for line in series if line.points]
    if not series:
        return ""
    bottom = HEIGHT - _BOTTOM
    xs = [x for line in series for x, _ in line.points] + ([limit[0]] if limit and limit_is_x else [])
    ys = [y for line in series for _, y in line.points] + ([limit[0]] if limit and not limit_is_x else [])
    across = (logarithmic if x_log else linear)(xs, _LEFT, WIDTH - _RIGHT)
    up = (logarithmic if y_log else linear)(ys, bottom, _TOP)
    parts = [_grid(across, up, x_title, y_title)]
    if limit is not None:
        parts.append(_limit(across, up, limit, is_x=limit_is_x))
    for index, line in enumerate(series):
        parts.append(_path(line, across, up, index))
    height = HEIGHT + _LEGEND_LINE * len(series)
    for index, line in enumerate(series):
        y = HEIGHT + _LEGEND_LINE * index + 4
        parts.append(
            f'<rect class="fill s{index % 6}" x="{_LEFT}" y="{y - 6}" width="14" height="4"/>'
            f'<text x="{_LEFT + 20}" y="{y}">{escape(line.name)}</text>'
        )
    return _svg(WIDTH, height, "".join(parts))


def bars(values: Sequence[Bar], *, mark: tuple[float, str] | None = None) -> str:
    """Draw values as bars below one another; `mark` is a value that is drawn through all of them, and its name."""
    if not values:
        return ""
    edges = [edge for bar in values if bar.interval for edge in bar.interval]
    # What is written stands to the right of the longest bar or interval.
    written = max(len(bar.text) for bar in values) * _CHARACTER + 6
    across = linear(
        [*(bar.value for bar in values), *edges, *([mark[0]] if mark else [])], _BAR_LABEL, WIDTH - written
    )
    parts = []
    for index, bar in enumerate(values):
        y = index * (_BAR + _BAR_GAP)
        middle = y + _BAR / 2
        end = across.at(bar.value)
        parts.append(
            f'<text class="end" x="{_BAR_LABEL - 8}" y="{middle + 4}">{escape(bar.name)}</text>'
            f'<rect class="fill s0" x="{_BAR_LABEL}" y="{y}" height="{_BAR}" '
            f'width="{max(1.0, end - _BAR_LABEL):.1f}"/>'
        )
        if bar.interval is not None:
            low, high = (across.at(edge) for edge in bar.interval)
            parts.append(f'<path class="whisker" d="M{low:.1f} {middle}H{high:.1f}"/>')
            end = max(end, high)
        parts.append(f'<text x="{end + 6:.1f}" y="{middle + 4}">{escape(bar.text)}</text>')
    height = len(values) * (_BAR + _BAR_GAP)
    if mark is not None:
        x = across.at(mark[0])
        parts.append(f'<path class="limit" d="M{x:.1f} 0V{height}"/>')
        parts.append(f'<text class="limit-text" x="{x + 4:.1f}" y="{height + 10}">{escape(mark[1])}</text>')
        height += 14
    return _svg(WIDTH, height, "".join(parts))


def _path(line: Line, across: Axis, up: Axis, index: int) -> str:
    points = [(across.at(x), up.at(y)) for x, y in line.points]
    drawn = [f"M{points[0][0]:.1f} {points[0][1]:.1f}"]
    for x, y in points[1:]:
        drawn.append(f"H{x:.1f}V{y:.1f}" if line.is_stepped else f"L{x:.1f} {y:.1f}")
    dots = ""
    if line.has_dots:
        dots = "".join(
            f'<circle class="fill s{index % 6}" cx="{x:.1f}" cy="{y:.1f}" r="3"/>' for x, y in points
        )
    return f'<path class="line s{index % 6}" d="{"".join(drawn)}"/>{dots}'


def _grid(across: Axis, up: Axis, x_title: str, y_title: str) -> str:
    bottom = HEIGHT - _BOTTOM
    parts = []
    for value in up.ticks():
        y = up.at(value)
        parts.append(f'<path class="grid" d="M{_LEFT} {y:.1f}H{WIDTH - _RIGHT}"/>')
        parts.append(f'<text class="end" x="{_LEFT - 6}" y="{y + 4:.1f}">{number(value)}</text>')
    for value in across.ticks():
        x = across.at(value)
        parts.append(f'<path class="grid" d="M{x:.1f} {_TOP}V{bottom}"/>')
        parts.append(f'<text class="middle" x="{x:.1f}" y="{bottom + 14}">{number(value)}</text>')
    middle = (_TOP + bottom) / 2
    parts.append(
        f'<text class="middle title" x="{(_LEFT + WIDTH) / 2}" y="{bottom + 30}">{escape(x_title)}</text>'
    )
    parts.append(
        f'<text class="middle title" transform="translate(12 {middle}) rotate(-90)">{escape(y_title)}</text>'
    )
    return "".join(parts)


def _limit(across: Axis, up: Axis, limit: tuple[float, str], *, is_x: bool) -> str:
    value, name = limit
    if is_x:
        x = across.at(value)
        return (
            f'<path class="limit" d="M{x:.1f} {_TOP}V{HEIGHT - _BOTTOM}"/>'
            f'<text class="limit-text" x="{x + 4:.1f}" y="{HEIGHT - _BOTTOM - 6}">{escape(name)}</text>'
        )
    y = up.at(value)
    return (
        f'<path class="limit" d="M{_LEFT} {y:.1f}H{WIDTH - _RIGHT}"/>'
        f'<text class="limit-text" x="{_LEFT + 4}" y="{y - 4:.1f}">{escape(name)}</text>'
    )


def _svg(width: int, height: float, inner: str) -> str:
    return f'<svg viewBox="0 0 {width} {height:.0f}" width="{width}" role="img">{inner}</svg>'
