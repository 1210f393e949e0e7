"""The drawing kit: a sheet of 400 × 400 that collects gradients, masks and blurs, and SVG shapes.

Only gradients, clips, masks and feGaussianBlur, so that browsers, resvg and mini-programs agree.
"""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from random import Random
from statistics import NormalDist
from typing import Final

from siyu.app.demo.art.palette import SHADOW

SIZE: Final = 400
LIGHT: Final = math.atan2(-0.8, -0.6)  # the key light comes from the upper left
Stops = Iterable[tuple[float, str, float]]
Point = tuple[float, float]
Box = tuple[float, float, float, float]  # left, top, width, height
BELL: Final = NormalDist()


def n(value: float) -> str:
    """A number as short as it can be at a tenth of a unit."""
    return f"{value:.1f}".removesuffix(".0")


class Canvas:
    """Collects definitions; ids start with ``prefix``, so pictures can share an HTML page."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._known: dict[str, str] = {}
        self.definitions: list[str] = []

    def define(self, kind: str, body: str, **attributes: float | str) -> str:
        """A reference ``url(#…)`` to a new or equal earlier definition."""
        said = "".join(f' {name.replace("_", "-")}="{value}"' for name, value in attributes.items())
        key = f"{kind}{said}>{body}"
        if key not in self._known:
            name = f"{self._prefix}{len(self.definitions)}"
            self._known[key] = f"url(#{name})"
            self.definitions.append(f'<{kind} id="{name}"{said}>{body}</{kind}>')
        return self._known[key]

    def across(self, stops: Stops) -> str:
        """A gradient from left to right."""
        return self.linear(stops, x1=0, x2=1, y1=0, y2=0)

    def down(self, stops: Stops) -> str:
        return self.linear(stops, x1=0, x2=0, y1=0, y2=1)

    def linear(self, stops: Stops, **attributes: float | str) -> str:
        return self.define("linearGradient", _stops(stops), **attributes)

    def radial(self, stops: Stops, **attributes: float | str) -> str:
        return self.define("radialGradient", _stops(stops), **attributes)

    def mask(self, body: str) -> str:
        return self.define(
            "mask", body, maskUnits="userSpaceOnUse", x=0, y=0, width=SIZE, height=SIZE
        )

    def clip(self, body: str) -> str:
        return self.define("clipPath", body)

    def soft(
        self,
        d: str,
        color: str,
        opacity: float,
        deviation: float,
        *,
        width: float = 0,
        shift: Point = (0, 0),
    ) -> str:
        """A blurred shape, filled, or stroked when it has a width.

        Blurs are what takes time to render, so a stroke is blurred by stacking strokes whose
        widths follow the bell curve, and a filter looks only at the neighbourhood of its shape.
        """
        if width:
            layers = 7 if deviation < 4 else 9
            thin = 1 - (1 - opacity) ** (1 / layers)
            spread = [2 * deviation * BELL.inv_cdf((i + 0.5) / layers) for i in range(layers)]
            body = "".join(
                line(d, color, width + more, thin) for more in spread if width + more > 0.3
            )
            return moved(body, *shift) if shift != (0, 0) else body
        move = f' transform="translate({n(shift[0])} {n(shift[1])})"' if shift != (0, 0) else ""
        return f"<g{move}>{self.blurred(fill(d, color, opacity), extent(d), deviation)}</g>"

    def blurred(self, body: str, box: Box, deviation: float) -> str:
        """Several shapes blurred together, inside a box that holds them."""
        return f'<g filter="{self._blur(deviation, box)}">{body}</g>'

    def _blur(self, deviation: float, box: Box) -> str:
        x, y, width, height = box
        margin = 2.6 * deviation
        return self.define(
            "filter",
            f'<feGaussianBlur stdDeviation="{n(deviation)}"/>',
            filterUnits="userSpaceOnUse",
            x=n(x - margin),
            y=n(y - margin),
            width=n(width + 2 * margin),
            height=n(height + 2 * margin),
            color_interpolation_filters="sRGB",
        )

    def ground(
        self, x: float, y: float, rx: float, ry: float, opacity: float = 0.32, deviation: float = 10
    ) -> str:
        """The soft shadow of a round or standing thing: a blurred ellipse, as a gradient."""
        wide, high = rx + 2 * deviation, ry + 2 * deviation
        edge = (rx / wide + ry / high) / 2
        soft = 2 * deviation / (wide + high)
        stops = [
            (t / 10, SHADOW, round(opacity * BELL.cdf((edge - t / 10) / soft), 3))
            for t in range(10)
        ]
        return fill(ellipse(x, y, wide, high), self.radial([*stops, (1, SHADOW, 0)]))

    def ring_shadow(
        self,
        x: float,
        y: float,
        rx: float,
        ry: float,
        width: float,
        opacity: float = 0.26,
        deviation: float = 10,
    ) -> str:
        """The soft shadow of a lying ring: a blurred stroked ellipse, as a gradient."""
        reach = width / 2 + 2.2 * deviation
        stops = [(0.0, SHADOW, 0.0)]
        for step in range(17):
            away = reach * (step / 8 - 1)
            amount = BELL.cdf((away + width / 2) / deviation) - BELL.cdf(
                (away - width / 2) / deviation
            )
            stops.append((round((rx + away) / (rx + reach), 4), SHADOW, round(opacity * amount, 3)))
        return fill(
            ellipse(x + 12, y + 16, rx + reach, ry + reach),
            self.radial([*stops[:-1], (1, SHADOW, 0)]),
        )


class Look:
    """What was asked for of a picture; the rest is chosen by the seed.

    Chance is spent whether or not the choice was given, so giving one thing changes nothing else.
    """

    def __init__(self, seed: str, given: Mapping[str, str | float]) -> None:
        self.chance = Random(seed)
        self._given = dict(given)
        self._asked: set[str] = set()

    def choose(self, name: str, known: Iterable[str], usual: Sequence[str] = ()) -> str:
        """One of the known names; chance picks among the usual ones.

        Raises ``ValueError`` when something unknown was asked for.
        """
        names = list(known)
        chosen = self.chance.choice(usual or names)
        self._asked.add(name)
        given = str(self._given.get(name, chosen))
        if given not in names:
            raise ValueError(f"{name}={given!r}; known: {', '.join(names)}")
        return given

    def between(self, name: str, low: float, high: float) -> float:
        """A number; a given one may lie outside."""
        chosen = self.chance.uniform(low, high)
        self._asked.add(name)
        return float(self._given.get(name, chosen))

    def text(self, name: str, options: Sequence[str]) -> str:
        """Any words; one of the options unless given."""
        chosen = self.chance.choice(options)
        self._asked.add(name)
        return str(self._given.get(name, chosen))

    def check_all_used(self) -> None:
        """Raise ``ValueError`` for a wish that this kind of picture does not know."""
        unknown = sorted(self._given.keys() - self._asked)
        if unknown:
            raise ValueError(
                f"unknown: {', '.join(unknown)}; known: {', '.join(sorted(self._asked))}"
            )


def _stops(stops: Stops) -> str:
    return "".join(
        f'<stop offset="{offset:g}" stop-color="{color}"'
        + ("/>" if opacity == 1 else f' stop-opacity="{opacity:g}"/>')
        for offset, color, opacity in stops
    )


# ── Paths ─────────────────────────────────────────────────────────────────────────────────────────


def ellipse(x: float, y: float, rx: float, ry: float) -> str:
    """A closed ellipse."""
    return (
        f"M{n(x - rx)} {n(y)}a{n(rx)} {n(ry)} 0 1 1 {n(2 * rx)} 0"
        f"a{n(rx)} {n(ry)} 0 1 1 {n(-2 * rx)} 0Z"
    )


def on_ellipse(x: float, y: float, rx: float, ry: float, degrees: float) -> Point:
    """Degrees run clockwise from the right, as on a screen."""
    angle = math.radians(degrees)
    return x + rx * math.cos(angle), y + ry * math.sin(angle)


def arc(x: float, y: float, rx: float, ry: float, start: float, end: float) -> str:
    """Part of an ellipse, from one angle to another, in degrees clockwise from the right."""
    (x0, y0), (x1, y1) = on_ellipse(x, y, rx, ry, start), on_ellipse(x, y, rx, ry, end)
    large, sweep = int(abs(end - start) > 180), int(end > start)
    return f"M{n(x0)} {n(y0)}A{n(rx)} {n(ry)} 0 {large} {sweep} {n(x1)} {n(y1)}"


def polygon(points: Iterable[Point]) -> str:
    """A closed path through the points."""
    return "M" + "L".join(f"{n(x)} {n(y)}" for x, y in points) + "Z"


def rounded(x: float, y: float, width: float, height: float, r: float) -> str:
    """A rectangle with round corners."""
    return (
        f"M{n(x + r)} {n(y)}h{n(width - 2 * r)}a{n(r)} {n(r)} 0 0 1 {n(r)} {n(r)}"
        f"v{n(height - 2 * r)}a{n(r)} {n(r)} 0 0 1 {n(-r)} {n(r)}"
        f"h{n(2 * r - width)}a{n(r)} {n(r)} 0 0 1 {n(-r)} {n(-r)}"
        f"v{n(2 * r - height)}a{n(r)} {n(r)} 0 0 1 {n(r)} {n(-r)}Z"
    )


def extent(d: str) -> Box:
    """A box that certainly holds a path of M L H V C Q A Z in either case; arcs count generously."""
    x = y = 0.0
    xs: list[float] = []
    ys: list[float] = []
    for command, numbers in _COMMAND.findall(d):
        values = [float(number) for number in _NUMBER.findall(numbers)]
        kind, relative = command.upper(), command.islower()
        size = {"H": 1, "V": 1, "C": 6, "Q": 4, "A": 7, "Z": 1}.get(kind, 2)
        for i in range(0, len(values), size):
            part = values[i : i + size]
            x0, y0 = (x, y) if relative else (0.0, 0.0)
            if kind == "H":
                ends = [(x0 + part[0], y)]
            elif kind == "V":
                ends = [(x, y0 + part[0])]
            elif kind == "A":
                ends = [(x0 + part[5], y0 + part[6])]
                mx, my = (x + ends[0][0]) / 2, (y + ends[0][1]) / 2
                xs += [mx - part[0], mx + part[0]]
                ys += [my - part[1], my + part[1]]
            else:
                ends = [(x0 + part[k], y0 + part[k + 1]) for k in range(0, size, 2)]
            xs += [end[0] for end in ends]
            ys += [end[1] for end in ends]
            x, y = ends[-1]
    return min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys)


_COMMAND = re.compile(r"([A-Za-z])([^A-Za-z]*)")
_NUMBER = re.compile(r"-?(?:\d+\.?\d*|\.\d+)")


# ── Shapes ────────────────────────────────────────────────────────────────────────────────────────


def fill(d: str, paint: str, opacity: float = 1) -> str:
    """A filled path."""
    shown = "" if opacity == 1 else f' fill-opacity="{opacity:.3g}"'
    return f'<path d="{d}" fill="{paint}"{shown}/>'


def line(d: str, color: str, width: float, opacity: float = 1, *, dash: str = "") -> str:
    """A stroked path."""
    shown = "" if opacity == 1 else f' stroke-opacity="{opacity:.3g}"'
    dashed = f' stroke-dasharray="{dash}"' if dash else ""
    return (
        f'<path d="{d}" fill="none" stroke="{color}" stroke-width="{n(width)}"'
        f' stroke-linecap="round"{dashed}{shown}/>'
    )


def moved(
    body: str,
    dx: float = 0,
    dy: float = 0,
    *,
    turn: float = 0,
    scale: float = 1,
    about: Point = (200, 200),
) -> str:
    """A group shifted, turned (degrees clockwise) and scaled about a point."""
    x, y = about
    return (
        f'<g transform="translate({n(x + dx)} {n(y + dy)}) rotate({n(turn)}) scale({scale:.3g}) '
        f'translate({n(-x)} {n(-y)})">{body}</g>'
    )
