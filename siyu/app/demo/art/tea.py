"""Tea in its packing: tins and cakes."""

from math import cos, radians
from typing import Final

from siyu.app.demo.art.canvas import (
    LIGHT,
    Canvas,
    Look,
    arc,
    ellipse,
    fill,
    line,
    moved,
    n,
    on_ellipse,
    rounded,
)
from siyu.app.demo.art.palette import (
    PAINT,
    darker,
    lighter,
)
from siyu.app.demo.art.strokes import drum, letters, seal, waves

TEA_NAMES: Final = (
    ("龙井", "明前特级"),
    ("岩茶", "武夷正岩"),
    ("白毫", "福鼎银针"),
    ("普洱", "古树春茶"),
    ("单丛", "凤凰蜜兰"),
    ("红茶", "金骏眉"),
    ("茉莉", "七窨龙珠"),
    ("碧螺", "洞庭东山"),
)
PAPER: Final = ("#B9AE98", "#E7DFCE", "#FFFDF6", "#F1EADB", "#BFB49D")


def tin(canvas: Canvas, look: Look) -> str:
    """A tea tin. Looks: color (a name of PAINT), label, sub, height, paper (band, tag, wide)."""
    color = PAINT[look.choose("color", PAINT)]
    name, origin = look.chance.choice(TEA_NAMES)
    label, sub = look.text("label", [name]), look.text("sub", [origin])
    height = look.between("height", 150, 226)
    paper = look.choose("paper", ["band", "tag", "wide"])
    half = 82.0 if height > 175 else 96.0
    ry, foot = half * 0.255, 318.0
    top = foot - height
    low, high = darker(color, 0.5), lighter(color, 0.42)
    side = canvas.across(
        [
            (0, low, 1),
            (0.1, color, 1),
            (0.27, high, 1),
            (0.36, lighter(color, 0.16), 1),
            (0.66, color, 1),
            (0.9, low, 1),
            (1, lighter(color, 0.1), 1),
        ]
    )
    upper = canvas.linear(
        [(0, lighter(color, 0.5), 1), (0.5, lighter(color, 0.2), 1), (1, color, 1)],
        x1=0,
        y1=0,
        x2=1,
        y2=1,
    )
    body = canvas.ground(222, foot + 9, half + 16, 16, 0.36) + fill(
        drum(half, ry, top + 26, foot), side
    )
    body += _label(canvas, paper, half, ry, top + 26, foot, color)
    rim = drum(half, ry, top + 40, top + 52)
    lid = drum(half + 3, ry + 1, top, top + 40)
    body += canvas.soft(rim, "#000", 0.28, 3) + fill(lid, side)
    body += fill(ellipse(200, top, half + 3, ry + 1), upper) + line(
        ellipse(200, top + 1, half - 5, ry - 2.5), low, 1, 0.45
    )
    body += line(arc(200, top + 38, half + 2, ry + 1, 178, 2), "#fff", 1, 0.25)
    return body + _lettering(paper, label, sub, top + 26, foot, ry)


def _label(
    canvas: Canvas, paper: str, half: float, ry: float, top: float, foot: float, color: str
) -> str:
    """The paper on a tin, bent like its body, with the brand's waves along its foot."""
    sheet = canvas.across(
        [
            (0, PAPER[0], 1),
            (0.14, PAPER[1], 1),
            (0.3, PAPER[2], 1),
            (0.66, PAPER[3], 1),
            (0.92, PAPER[4], 1),
            (1, "#A89C85", 1),
        ]
    )
    span = foot - top
    if paper == "tag":
        x, y, width, height = 158.0, top + span * 0.3, 84.0, span * 0.56
        shape = rounded(x, y + ry * 0.9, width, height, 2)
        face = canvas.across([(0, PAPER[2], 1), (0.6, PAPER[3], 1), (1, PAPER[1], 1)])
        foot_of_tag = (x, y + ry * 0.9 + height - 16, width, 20)
        return (
            moved(fill(shape, "#000", 0.18), 2, 2.5)
            + fill(shape, face)
            + waves(canvas, shape, foot_of_tag, color, 8, 0.55)
        )
    start, end = (0.3, 0.88) if paper == "band" else (0.24, 0.97)
    shape = drum(half, ry, top + span * start, foot - span * (1 - end))
    edge = f"M{n(200 - half)} {n(top + span * start + 6)}A{n(half)} {n(ry)} 0 0 0 {n(200 + half)} {n(top + span * start + 6)}"
    lower = (200 - half, foot - span * (1 - end) - 4, 2 * half, ry + 4)
    return (
        fill(shape, sheet)
        + line(edge, color, 0.9, 0.55)
        + waves(canvas, shape, lower, color, 11, 0.5)
    )


def _lettering(paper: str, label: str, sub: str, top: float, foot: float, ry: float) -> str:
    """Name and origin in two columns between the paper's upper edge and its waves, and the seal."""
    span = foot - top
    start, end, bow = {
        "band": (0.3, 0.88, 1.0),
        "wide": (0.24, 0.97, 1.0),
        "tag": (0.3, 0.86, 0.9),
    }[paper]
    upper, lower = top + span * start + ry * bow + 8, top + span * end + ry * bow - 13
    size = min(28.0, (lower - upper) / (max(1, len(label)) * 1.14 + 0.1))
    first = (upper + lower) / 2 - size * 1.14 * (len(label) / 2 - 0.85)
    column = letters(190, first, size, label, weight=600, upright=True)
    fitting = min(9.0, (lower - 20 - upper) / (max(1, len(sub)) * 1.14))
    small = (
        letters(220, upper + fitting, fitting, sub, "#6A6255", upright=True)
        if fitting > 5.5
        else ""
    )
    return column + small + seal(220, lower - 6, 16)


def cake(canvas: Canvas, look: Look) -> str:
    """A tea cake in its wrapper. Looks: color, label, sub, wrapper (white, kraft, cream), style (one, stack, open)."""
    color = PAINT[look.choose("color", PAINT, ["jade", "cinnabar", "indigo", "ink", "ochre"])]
    label = look.text("label", ["白毫银针", "寿眉老茶", "古树普洱", "陈皮白茶"])
    sub = look.text("sub", ["福鼎 · 二〇二四", "勐海 · 二〇二三", "景迈 · 二〇二五"])
    wrapper = {
        "white": ("#FFFDF6", "#F0E8D7", "#D6CAB2", "#B7A98C"),
        "kraft": ("#EBD5AE", "#D9BC8B", "#B89760", "#8C6D3B"),
        "cream": ("#FBF1DC", "#EEDDBB", "#D2BC92", "#A88F63"),
    }[look.choose("wrapper", ["white", "kraft", "cream"])]
    style = look.choose("style", ["one", "stack", "open"])
    body = canvas.ground(214, 222, 128, 122, 0.3, 12)
    if style == "stack":
        body += moved(_wrapped(canvas, look, wrapper), 22, -26) + canvas.ground(
            206, 212, 126, 124, 0.3, 7
        )
        shift = (-12.0, 12.0)
    else:
        shift = (0.0, 0.0)
    front = _wrapped(canvas, look, wrapper)
    if style == "open":
        front += _bitten(canvas, look, wrapper)
    ring = (
        fill(ellipse(200, 202, 74, 74), wrapper[0], 0.5)
        + line(ellipse(200, 202, 72, 72), color, 1.6)
        + line(ellipse(200, 202, 67, 67), color, 0.7)
    )
    ring += waves(canvas, ellipse(200, 202, 66, 66), (134, 240, 132, 30), color, 11, 0.55)
    ring += letters(
        201, 196, 25 if len(label) <= 4 else 19, label, weight=600, spacing=2
    ) + letters(200, 220, 11.5, sub, "#6A6255", spacing=2)
    return body + moved(front + ring + seal(200, 238, 18), *shift)


def _wrapped(canvas: Canvas, look: Look, wrapper: tuple[str, ...]) -> str:
    """Paper round a disc, folded into pleats towards the rim."""
    paper = canvas.radial(
        [(0, wrapper[0], 1), (0.55, wrapper[1], 1), (0.9, wrapper[2], 1), (1, wrapper[3], 1)],
        cx=0.38,
        cy=0.34,
        r=0.72,
    )
    body = f'<circle cx="200" cy="202" r="126" fill="{paper}"/>'
    for i in range(46):
        angle = i * 360 / 46 + look.chance.uniform(-2.3, 2.3)
        reach = look.chance.uniform(80, 100)
        (x0, y0), (x1, y1) = (
            on_ellipse(200, 202, reach, reach, angle),
            on_ellipse(200, 202, 125, 125, angle + 1.7),
        )
        shade = darker(wrapper[3], 0.15) if cos(radians(angle) - LIGHT) < 0.2 else "#FFFFFF"
        body += line(f"M{n(x0)} {n(y0)}L{n(x1)} {n(y1)}", shade, 1.4, 0.5)
    return body


def _bitten(canvas: Canvas, look: Look, wrapper: tuple[str, ...]) -> str:
    """The wrapper torn back at the lower right, pressed leaves showing."""
    edge = ellipse(200, 202, 126, 126)
    clip = canvas.clip(f'<path d="{edge}"/>')
    leaf = canvas.radial(
        [(0, "#6B4A2A", 1), (0.7, "#4A311B", 1), (1, "#2C1C0F", 1)], cx=0.35, cy=0.3, r=0.8
    )
    tear = "M336 138C304 160 318 190 296 206C282 218 288 242 270 254C256 264 262 282 240 290C220 298 206 312 196 336L340 340Z"
    body = fill(tear, leaf)
    for _ in range(120):
        x, y = look.chance.uniform(206, 326), look.chance.uniform(150, 328)
        turn = look.chance.uniform(-70, 70)
        color = look.chance.choice(["#8A6238", "#3A2512", "#A98452", "#5C3F22"])
        body += moved(
            line(f"M{n(x - 7)} {n(y)}q7 -5 14 0", color, 2.6, 0.75), turn=turn, about=(x, y)
        )
    torn = canvas.clip(f'<path d="{tear}"/>')
    return (
        f'<g clip-path="{clip}"><g clip-path="{torn}">{body}</g>{line(tear, wrapper[0], 3.4)}</g>'
    )
