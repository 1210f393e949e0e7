"""The recipes that make a flat shape a thing: tube, cabochon, facets, pearl, chain, waves, letters."""

import math
from random import Random
from typing import Final
from xml.sax.saxutils import escape

from siyu.app.demo.art.canvas import (
    LIGHT,
    Canvas,
    Point,
    arc,
    ellipse,
    fill,
    line,
    moved,
    n,
    on_ellipse,
    polygon,
    rounded,
)
from siyu.app.demo.art.palette import INK, METAL, SEAL, Ramp, tone

Oval = tuple[float, float, float, float]  # centre and the two radii
SONG: Final = "'Songti SC','Noto Serif SC','Noto Serif CJK SC','Source Han Serif SC',serif"


def tube(d: str, width: float, ramp: Ramp, strokes: int = 14, lift: float = 0.19) -> str:
    """叠笔: one path stroked again and again, each time thinner, brighter, nearer to the light."""
    parts: list[str] = []
    for step in range(strokes):
        part = step / (strokes - 1)
        across = width * (1 - part) ** 0.85 + 0.6
        shift = f"{n(-width * lift * part)} {n(-width * lift * 1.15 * part)}"
        parts.append(
            f'<g transform="translate({shift})">{line(d, tone(ramp, part**1.25), across)}</g>'
        )
    return "".join(parts)


def cabochon(canvas: Canvas, d: str, box: tuple[float, float, float, float], ramp: Ramp) -> str:
    """蛋面: light falls in off the centre, glows at the far side, and leaves a crescent."""
    x, y, width, height = box
    body = canvas.radial(
        [(0, ramp[4], 1), (0.18, ramp[3], 1), (0.5, ramp[2], 1), (0.82, ramp[1], 1), (1, ramp[0], 1)],
        cx=0.36, cy=0.28, r=0.85,
    )  # fmt: skip
    glow = canvas.radial(
        [(0, ramp[4], 0.75), (0.45, ramp[3], 0.28), (1, ramp[3], 0)], cx=0.68, cy=0.86, r=0.5
    )
    hx, hy = x + width * 0.35, y + height * 0.24
    lit = canvas.radial([(0, "#fff", 0.95), (0.62, "#fff", 0.88), (1, "#fff", 0)])
    crescent = moved(
        fill(ellipse(hx, hy, width * 0.18, height * 0.105), lit), turn=-28, about=(hx, hy)
    )
    return fill(d, body) + fill(d, glow) + line(d, ramp[0], 1, 0.35) + crescent


def pearl(canvas: Canvas, x: float, y: float, r: float, ramp: Ramp) -> str:
    """A sphere with a soft window in it and light coming back from below."""
    body = canvas.radial(
        [(0, ramp[4], 1), (0.25, ramp[3], 1), (0.62, ramp[2], 1), (0.9, ramp[1], 1), (1, ramp[0], 1)],
        cx=0.36, cy=0.3, r=0.76,
    )  # fmt: skip
    back = line(arc(x, y, r * 0.82, r * 0.82, 20, 100), ramp[4], r * 0.14, 0.5)
    hx, hy = x - r * 0.36, y - r * 0.42
    window = (
        f'<ellipse cx="{n(hx)}" cy="{n(hy)}" rx="{n(r * 0.23)}" ry="{n(r * 0.14)}"'
        f' transform="rotate(-38 {n(hx)} {n(hy)})" fill="#fff" fill-opacity=".95"/>'
    )
    return f'<circle cx="{n(x)}" cy="{n(y)}" r="{n(r)}" fill="{body}"/>{back}{window}'


def facets(
    x: float, y: float, rx: float, ry: float, ramp: Ramp, chance: Random, sides: int = 8
) -> str:
    """刻面: crown and pavilion; each facet is lit by its own normal, plus a little sparkle."""
    step = 2 * math.pi / sides

    def at(angle: float, reach: float) -> Point:
        return x + rx * reach * math.cos(angle), y + ry * reach * math.sin(angle)

    def facet(points: list[Point], light: float, opacity: float = 1) -> str:
        return (
            f'<path d="{polygon(points)}" fill="{tone(ramp, light)}" fill-opacity="{opacity:g}"'
            f' stroke="{ramp[4]}" stroke-opacity=".35" stroke-width=".5"/>'
        )

    def lit(angle: float, strength: float) -> float:
        return 0.42 + strength * 0.42 * math.cos(angle - LIGHT) + chance.uniform(-0.16, 0.16)

    table = [at((i + 0.5) * step, 0.5) for i in range(sides)]
    stars = [at((i + 1) * step, 0.73) for i in range(sides)]
    girdle = [at((i + 0.5) * step, 1) for i in range(sides)]
    between = [at((i + 1) * step, 1) for i in range(sides)]
    parts: list[str] = []
    for i in range(sides):
        following, angle = (i + 1) % sides, (i + 1) * step
        parts += [
            facet([stars[i], girdle[i], between[i]], lit(angle - step / 4, 0.9)),
            facet([stars[i], between[i], girdle[following]], lit(angle + step / 4, 0.9)),
            facet([table[i], stars[i - 1], girdle[i], stars[i]], lit(angle - step / 2, 0.75)),
            facet([table[i], table[following], stars[i]], lit(angle, 0.55)),
        ]
    parts.append(facet(table, 0.55))
    for i in range(sides):  # the pavilion seen through the table is lit in reverse
        angle = (i + 1) * step
        inner = [(x, y), at(angle - step / 2, 0.49), at(angle, 0.45), at(angle + step / 2, 0.49)]
        light = 0.45 - 0.38 * math.cos(angle - LIGHT) + chance.uniform(-0.18, 0.2)
        parts.append(facet(inner, light, 0.85))
    return "".join(parts)


def glint(x: float, y: float, r: float) -> str:
    """A four-pointed sparkle."""
    return fill(
        f"M{n(x)} {n(y - r)}Q{n(x)} {n(y)} {n(x + r)} {n(y)}Q{n(x)} {n(y)} {n(x)} {n(y + r)}"
        f"Q{n(x)} {n(y)} {n(x - r)} {n(y)}Q{n(x)} {n(y)} {n(x)} {n(y - r)}Z",
        "#fff", 0.95,
    )  # fmt: skip


def halo(x: float, y: float, rx: float, ry: float, chance: Random, stones: int = 26) -> str:
    """A ring of small brilliants."""
    parts: list[str] = []
    for i in range(stones):
        angle = i / stones * 2 * math.pi
        cx, cy = x + rx * math.cos(angle), y + ry * math.sin(angle)
        light = 0.25 + 0.5 * (0.5 + 0.4 * math.cos(angle - LIGHT))
        parts.append(
            f'<circle cx="{n(cx)}" cy="{n(cy)}" r="6" fill="{tone(METAL["silver"], light)}"/>'
        )
        parts.append(
            fill(f"M{n(cx - 3)} {n(cy - 3)}l6 0l-3 6Z", "#fff", 0.45 + 0.5 * chance.random())
        )
    return "".join(parts)


def veins(oval: Oval, width: float, color: str, chance: Random, count: int) -> str:
    """飘花: short strokes that follow a round body of this width; to be blurred by the caller."""
    x, y, rx, ry = oval
    parts: list[str] = []
    for _ in range(count):
        start, off = chance.uniform(0, 360), chance.uniform(-0.22, 0.22) * width
        d = arc(x, y, rx + off, ry + off, start, start + chance.uniform(16, 46))
        parts.append(line(d, color, chance.uniform(4, 10), chance.uniform(0.35, 0.65)))
    return "".join(parts)


def chain(d: str, ramp: Ramp, weight: float = 4) -> str:
    """A fine chain along a path, with its shadow."""
    links = f"0 {n(weight * 1.15)}"
    return (
        f'<g transform="translate(3 4)">{line(d, ramp[0], weight * 0.8, 0.25)}</g>'
        + line(d, ramp[1], weight, dash=links)
        + f'<g transform="translate(-.6 -.7)">{line(d, ramp[3], weight * 0.55, dash=links)}</g>'
    )


def waves(
    canvas: Canvas,
    clip: str,
    box: tuple[float, float, float, float],
    color: str,
    r: float = 17,
    opacity: float = 0.5,
    width: float = 0.8,
) -> str:
    """澜纹: overlapping arcs, the brand's pattern, inside a clip path."""
    x, y, across, down = box
    parts: list[str] = []
    for row in range(int(down / (r * 0.5)) + 3):
        for column in range(int(across / (2 * r)) + 2):
            cx, cy = x + column * 2 * r - (r if row % 2 else 0) + r, y + row * r * 0.5
            parts += [arc(cx, cy, k, k, 180, 360) for k in (r, r * 0.68, r * 0.36)]
    reference = canvas.clip(f'<path d="{clip}"/>')
    return f'<g clip-path="{reference}">{line("".join(parts), color, width, opacity)}</g>'


def letters(
    x: float,
    y: float,
    size: float,
    text: str,
    color: str = INK,
    *,
    weight: int = 400,
    spacing: float = 0,
    upright: bool = False,
) -> str:
    """Song type centred at x; ``upright`` sets the characters one below the other.

    Left out of a rendered picture on a machine without a Chinese font, so no design rests on it.
    """
    text = "".join(character for character in text if character.isprintable())
    shown = [text] if not upright else list(text)
    return "".join(
        f'<text x="{n(x)}" y="{n(y + i * size * 1.14)}" font-size="{n(size)}" font-weight="{weight}"'
        f' text-anchor="middle" letter-spacing="{n(spacing)}" fill="{color}" font-family="{SONG}">'
        f"{escape(part)}</text>"
        for i, part in enumerate(shown)
    )


def seal(x: float, y: float, size: float) -> str:
    """The cinnabar seal of the house, centred: three waves, so that it needs no font."""
    left, top = x - size / 2, y - size / 2
    crests = "".join(
        arc(x + shift * size, y + row * size, size * reach, size * reach, 200, 340)
        for row, shift, reach in ((0.06, 0, 0.3), (0.3, 0, 0.3), (0.3, 0, 0.13))
    )
    return fill(rounded(left, top, size, size, size * 0.11), SEAL) + line(
        crests, "#FFF6EC", max(0.8, size * 0.08)
    )


def sheen(canvas: Canvas, d: str, opacity: float = 0.75) -> str:
    """Light that falls across a flat polished face."""
    paint = canvas.linear(
        [(0, "#fff", opacity), (0.42, "#fff", 0.08), (1, "#fff", 0)], x1=0, y1=0, x2=1, y2=1
    )
    return fill(d, paint)


def small_ball(x: float, y: float, r: float, ramp: Ramp) -> str:
    """A metal bead too small for gradients."""
    return (
        f'<circle cx="{n(x)}" cy="{n(y)}" r="{n(r)}" fill="{ramp[1]}"/>'
        f'<circle cx="{n(x - r * 0.15)}" cy="{n(y - r * 0.18)}" r="{n(r * 0.76)}" fill="{ramp[2]}"/>'
        f'<circle cx="{n(x - r * 0.3)}" cy="{n(y - r * 0.35)}" r="{n(r * 0.36)}" fill="{ramp[4]}"/>'
    )


def around(
    x: float, y: float, rx: float, ry: float, count: int, start: float = -90
) -> list[tuple[int, float, float]]:
    """Equal places on an ellipse, numbered from ``start``, the far ones first."""
    places = [(i, *on_ellipse(x, y, rx, ry, start + i * 360 / count)) for i in range(count)]
    return sorted(places, key=lambda place: place[2])


def specular(
    canvas: Canvas,
    x: float,
    y: float,
    rx: float,
    ry: float,
    span: Point,
    width: float,
    opacity: float = 0.85,
) -> str:
    """A bright stroke on the lit side of a round body."""
    return canvas.soft(
        arc(x, y, rx, ry, *span), "#fff", opacity, max(0.9, width * 0.36), width=width
    )


def drum(half: float, ry: float, top: float, bottom: float) -> str:
    """The side of a standing cylinder around x = 200."""
    return (
        f"M{n(200 - half)} {n(top)}A{n(half)} {n(ry)} 0 0 0 {n(200 + half)} {n(top)}"
        f"L{n(200 + half)} {n(bottom)}A{n(half)} {n(ry)} 0 0 1 {n(200 - half)} {n(bottom)}Z"
    )
