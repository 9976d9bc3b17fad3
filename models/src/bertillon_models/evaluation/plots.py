"""Draws curves as SVG, without a plotting library."""

from __future__ import annotations

from collections.abc import Mapping
from xml.sax.saxutils import escape, quoteattr

from bertillon_models.evaluation.figures import Curve

_SIZE, _LEFT, _TOP, _RIGHT, _BOTTOM = 320, 56, 34, 18, 46
_COLOURS = ("#1f5fa8", "#b4552d", "#3d8b57", "#7a4fa0")
_TICKS = 5
# Radii of points, by the share of their weight.
_LEAST, _MOST = 2.0, 7.0


def svg(title: str, axes: tuple[str, str], curves: Mapping[str, Curve], *, diagonal: bool = False) -> str:
    """Return a plot over the unit square; `axes` are the names of x and y.

    The area of a point shows its weight where a curve has weights. `diagonal` draws the line where x equals y.
    """
    width, height = _LEFT + _SIZE + _RIGHT, _TOP + _SIZE + _BOTTOM + 16 * len(curves)
    frame = f'viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {frame} role="img" aria-label={quoteattr(title)}>',
        '<g font-family="sans-serif" font-size="12">',
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
        _text(_LEFT + _SIZE / 2, 20, title, "middle"),
    ]
    for tick in range(_TICKS + 1):
        share = tick / _TICKS
        x, y = _at(share, share)
        parts += [
            _line((x, _TOP), (x, _TOP + _SIZE), "#ddd"),
            _line((_LEFT, y), (_LEFT + _SIZE, y), "#ddd"),
            _text(x, _TOP + _SIZE + 16, f"{share:.1f}", "middle"),
            _text(_LEFT - 8, y + 4, f"{share:.1f}", "end"),
        ]
    parts.append(_text(_LEFT + _SIZE / 2, _TOP + _SIZE + 34, axes[0], "middle"))
    middle = _TOP + _SIZE / 2
    parts.append(
        f'<text x="16" y="{middle}" text-anchor="middle" transform="rotate(-90 16 {middle})">{escape(axes[1])}</text>'
    )
    if diagonal:
        parts.append(_line(_at(0, 0), _at(1, 1), "#999"))
    for number, (name, curve) in enumerate(curves.items()):
        colour = _COLOURS[number % len(_COLOURS)]
        parts += _curve(curve, colour)
        y = _TOP + _SIZE + _BOTTOM + 16 * number + 8
        parts += [f'<rect x="{_LEFT}" y="{y - 9}" width="10" height="10" fill="{colour}"/>']
        parts.append(_text(_LEFT + 16, y, name, "start"))
    return "\n".join([*parts, "</g></svg>"]) + "\n"


def _curve(curve: Curve, colour: str) -> list[str]:
    places = [_at(x, y) for x, y in curve.points]
    joined = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    parts = [f'<polyline points="{joined}" fill="none" stroke="{colour}" stroke-width="1.5"/>']
    most = max(curve.weights, default=0)
    for (x, y), weight in zip(places, curve.weights, strict=False):
        radius = _LEAST + (_MOST - _LEAST) * (weight / most) ** 0.5
        parts.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}" fill="{colour}" fill-opacity="0.7"/>'
        )
    return parts


def _at(x: float, y: float) -> tuple[float, float]:
    return _LEFT + _SIZE * x, _TOP + _SIZE * (1 - y)


def _line(start: tuple[float, float], end: tuple[float, float], colour: str) -> str:
    (x1, y1), (x2, y2) = start, end
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"/>'


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
