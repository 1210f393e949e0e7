"""Gold: bangles, rings, bracelets, necklaces, bars, coins."""

from math import atan2, degrees

from siyu.app.demo.art.canvas import (
    Canvas,
    Look,
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
from siyu.app.demo.art.palette import METAL, SHADOW, Ramp, darker, mix
from siyu.app.demo.art.strokes import (
    around,
    chain,
    facets,
    glint,
    letters,
    pearl,
    sheen,
    specular,
    tube,
    waves,
)


def gold_bangle(canvas: Canvas, look: Look) -> str:
    """A gold bangle lying flat. Looks: metal, style (plain, engraved, open, twisted), width."""
    ramp = METAL[look.choose("metal", METAL, ["fine", "fine", "gold"])]
    style = look.choose("style", ["plain", "engraved", "open", "twisted"])
    width = look.between("width", 22, 34)
    x, y, rx, ry = 200, 200, 122, 114
    gap = look.between("turn", 30, 75)
    d = ellipse(x, y, rx, ry) if style != "open" else arc(x, y, rx, ry, gap + 15, gap + 345)
    shade = (
        canvas.soft(d, SHADOW, 0.28, 10, width=width - 4, shift=(12, 16))
        if style == "open"
        else canvas.ring_shadow(x, y, rx, ry, width - 4, 0.28)
    )
    body = shade + tube(d, width, ramp, 14)
    if style == "engraved":
        for place in range(36):
            px, py = on_ellipse(x - width * 0.08, y - width * 0.1, rx, ry, place * 10)
            crest = "".join(arc(px, py + 3, k, k, 200, 340) for k in (7.5, 4))
            body += moved(
                line(crest, ramp[0], 1.3, 0.6) + moved(line(crest, ramp[4], 0.9, 0.8), 0.7, 0.9),
                turn=place * 10 + 90,
                about=(px, py),
            )
        body += line(ellipse(x, y, rx + width * 0.33, ry + width * 0.33), ramp[0], 1.2, 0.35)
        body += line(ellipse(x, y, rx - width * 0.33, ry - width * 0.33), ramp[4], 1.2, 0.5)
    elif style == "twisted":
        for place in range(60):
            inner = on_ellipse(x, y, rx - width * 0.46, ry - width * 0.46, place * 6)
            outer = on_ellipse(x, y, rx + width * 0.46, ry + width * 0.46, place * 6 + 7)
            groove = f"M{n(inner[0])} {n(inner[1])}L{n(outer[0])} {n(outer[1])}"
            body += line(groove, ramp[0], 1.8, 0.4) + moved(line(groove, ramp[4], 1, 0.55), 1.2, 1)
    elif style == "open":
        for end in (gap + 15, gap + 345):
            px, py = on_ellipse(x, y, rx, ry, end)
            body += pearl(canvas, px, py, width * 0.66, ramp)
    return body + specular(canvas, x - 3, y - 3, rx + 2, ry + 2, (194, 260), 3.4, 0.9)


def gold_ring(canvas: Canvas, look: Look) -> str:
    """A gold band, standing, or a pair of them. Looks: metal, style (plain, engraved, pair)."""
    ramp = METAL[look.choose("metal", METAL, ["fine", "fine", "gold", "rose"])]
    style = look.choose("style", ["plain", "engraved", "pair"])
    width = look.between("width", 22, 34)
    if style == "pair":
        left = moved(
            _band(canvas, ramp, width * 0.9, engraved=False), -58, 4, scale=0.86, about=(200, 320)
        )
        right = moved(
            _band(canvas, ramp, width * 0.62, engraved=False), 66, 14, scale=0.68, about=(200, 320)
        )
        return left + right
    return _band(canvas, ramp, width, engraved=style == "engraved")


def _band(canvas: Canvas, ramp: Ramp, width: float, *, engraved: bool) -> str:
    x, y, rx, ry = 200, 208, 100, 106
    dark = [mix(color, "#3A2408", 0.4) for color in ramp]
    body = canvas.ground(216, 326, 96, 15) + tube(
        ellipse(x + 13, y + 1, rx - 5, ry - 3), width * 0.8, dark, 8
    )
    body += tube(ellipse(x, y, rx, ry), width, ramp, 14)
    if engraved:
        for place in range(150, 391, 12):
            px, py = on_ellipse(x, y, rx - 1, ry - 1, place)
            leaf = f"M{n(px - 6)} {n(py)}Q{n(px)} {n(py - 7)} {n(px + 6)} {n(py)}Q{n(px)} {n(py + 7)} {n(px - 6)} {n(py)}Z"
            body += moved(
                fill(leaf, ramp[0], 0.35) + moved(line(leaf, ramp[4], 0.9, 0.8), 0.6, 0.7),
                turn=place + 90,
                about=(px, py),
            )
    return body + specular(canvas, x - 1, y - 1, rx + 2, ry + 2, (190, 246), 3, 0.9)


def bracelet(canvas: Canvas, look: Look) -> str:
    """A gold bracelet. Looks: metal, style (cable, beads, rope, cord), cord (a colour), charm."""
    ramp = METAL[look.choose("metal", METAL, ["fine", "gold", "rose", "silver"])]
    style = look.choose("style", ["cable", "beads", "rope", "cord"])
    charm = look.choose("charm", ["none", "disc", "bead", "lock"], ["disc", "bead", "lock", "none"])
    turn = look.between("turn", -12, 12)
    x, y, rx, ry = 200, 192, 116, 92
    d = ellipse(x, y, rx, ry)
    if style == "cable":
        body = canvas.ring_shadow(x, y, rx, ry, 15, 0.26, 8) + _cable(x, y, rx, ry, ramp)
    elif style == "beads":
        body = canvas.ring_shadow(x, y, rx, ry, 20, 0.26, 9)
        body += "".join(
            pearl(canvas, px, py, 13.4 if i % 4 else 15.5, ramp)
            for i, px, py in around(x, y, rx, ry, 24)
        )
    elif style == "rope":
        body = canvas.ring_shadow(x, y, rx, ry, 14, 0.26, 8) + tube(d, 17, ramp, 12)
        for place in range(72):
            (ix, iy), (ox, oy) = (
                on_ellipse(x, y, rx - 8, ry - 8, place * 5),
                on_ellipse(x, y, rx + 8, ry + 8, place * 5 + 6),
            )
            body += line(f"M{n(ix)} {n(iy)}L{n(ox)} {n(oy)}", ramp[0], 1.6, 0.5)
    else:
        red = ("#4A0F0A", "#7D1D14", "#A83224", "#CC6250", "#F0B3A4")
        body = (
            canvas.ring_shadow(x, y, rx, ry, 7, 0.3, 6)
            + tube(d, 9, red, 8)
            + line(d, red[0], 9, 0.3, dash="1.5 5")
        )
        body += "".join(
            pearl(canvas, *on_ellipse(x, y, rx, ry, place), 15.5 if place == 90 else 10, ramp)
            for place in (66, 114, 42, 138, 90)
        )
    return moved(body, turn=turn) + _charm(canvas, x, y + ry, ramp, charm)


def _cable(x: float, y: float, rx: float, ry: float, ramp: Ramp) -> str:
    """Links seen flat and on edge by turns, along an ellipse."""
    count = 34
    parts: list[str] = []
    for i, px, py in around(x, y, rx, ry, count):
        ahead = on_ellipse(x, y, rx, ry, -90 + i * 360 / count + 2)
        behind = on_ellipse(x, y, rx, ry, -90 + i * 360 / count - 2)
        turn = _slope(behind, ahead)
        link = ellipse(px, py, 14, 8) if i % 2 else ellipse(px, py, 13, 2.6)
        parts.append(moved(tube(link, 5.4, ramp, 6), turn=turn, about=(px, py)))
    return "".join(parts)


def _slope(start: Point, end: Point) -> float:
    """The direction from one point to another, in degrees clockwise."""
    return degrees(atan2(end[1] - start[1], end[0] - start[0]))


def _charm(canvas: Canvas, x: float, y: float, ramp: Ramp, shape: str) -> str:
    if shape == "none":
        return ""
    loop = tube(ellipse(x, y + 12, 7, 8), 4, ramp, 6)
    if shape == "bead":
        return (
            canvas.ground(x + 9, y + 46, 22, 22, 0.28, 7)
            + loop
            + pearl(canvas, x, y + 40, 22, ramp)
        )
    outline = ellipse(x, y + 46, 28, 28) if shape == "disc" else _lock(x, y + 20, 0.52)
    return (
        canvas.soft(outline, SHADOW, 0.28, 7, shift=(8, 10))
        + loop
        + _plate(canvas, outline, (x - 30, y + 16, 60, 60), ramp, r=9)
    )


def _lock(x: float, y: float, scale: float) -> str:
    """The outline of a cloud-shaped 如意锁 hanging from (x, y)."""
    right = ((10, -6, 34, -8, 46, 8), (66, 6, 84, 22, 80, 44), (92, 66, 70, 92, 44, 94))
    left = ((-70, 92, -92, 66, -80, 44), (-84, 22, -66, 6, -46, 8), (-34, -8, -10, -6, 0, 6))
    d = f"M{n(x)} {n(y + 6 * scale)}"
    for curve in (*right, (30, 110, -30, 110, -44, 94), *left):
        d += "C" + " ".join(n((y if i % 2 else x) + k * scale) for i, k in enumerate(curve))
    return d + "Z"


def _plate(
    canvas: Canvas, outline: str, box: tuple[float, float, float, float], ramp: Ramp, r: float = 15
) -> str:
    """A flat piece of metal with the brand's waves chased into its lower half."""
    face = canvas.linear(
        [(0, ramp[4], 1), (0.3, ramp[3], 1), (0.62, ramp[2], 1), (1, ramp[1], 1)],
        x1=0,
        y1=0,
        x2=1,
        y2=1,
    )
    x, y, width, height = box
    lower = (x, y + height * 0.55, width, height * 0.5)
    return (
        moved(fill(outline, ramp[0]), 1.6, 2.2)
        + fill(outline, face)
        + waves(canvas, outline, lower, ramp[0], r, 0.5, 1.1)
        + line(outline, ramp[4], 1.6, 0.9)
    )


def necklace(canvas: Canvas, look: Look) -> str:
    """A gold necklace. Looks: metal, shape (lock, disc, leaf, bar, gem, ring), weight (of the chain)."""
    ramp = METAL[look.choose("metal", METAL, ["fine", "gold", "rose", "silver"])]
    shape = look.choose("shape", ["lock", "disc", "leaf", "bar", "gem", "ring"])
    weight = look.between("weight", 3.6, 6)
    hang = chain("M84 -120C92 40 150 150 196 182", ramp, weight) + chain(
        "M316 -120C308 40 250 150 204 182", ramp, weight
    )
    loop = tube(ellipse(200, 192, 7, 10), 4.6, ramp, 7)
    if shape == "gem":
        stone = facets(
            200, 246, 36, 40, ("#9FB2BA", "#C6D4DA", "#E2EBEE", "#F5FAFB", "#FFFFFF"), look.chance
        )
        return (
            hang
            + canvas.ground(210, 260, 38, 42, 0.26, 9)
            + tube(ellipse(200, 247, 38, 42), 6, ramp, 8)
            + stone
            + loop
            + glint(178, 222, 11)
        )
    if shape == "ring":
        d = ellipse(200, 248, 42, 44)
        return (
            hang
            + canvas.ring_shadow(200, 248, 42, 44, 12, 0.26, 8)
            + tube(d, 15, ramp, 14)
            + specular(canvas, 199, 247, 43, 45, (195, 255), 2.4)
            + loop
        )
    outline = {
        "lock": _lock(200, 196, 0.92),
        "disc": ellipse(200, 250, 50, 50),
        "leaf": "M200 200C240 226 250 268 200 322C150 268 160 226 200 200Z",
        "bar": rounded(180, 202, 40, 116, 8),
    }[shape]
    body = canvas.soft(outline, SHADOW, 0.28, 9, shift=(10, 13)) + _plate(
        canvas, outline, (126, 196, 148, 126), ramp
    )
    if shape == "leaf":
        body += line(
            "M200 206L200 316M200 240L222 226M200 262L230 244M200 284L226 268M200 240L178 226M200 262L170 244M200 284L174 268",
            ramp[0],
            1.6,
            0.45,
        )
    if shape == "disc":
        body += line(ellipse(200, 250, 41, 41), ramp[0], 1.2, 0.5)
    return hang + body + loop


def gold_bar(canvas: Canvas, look: Look) -> str:
    """An ingot, lying. Looks: grams (a text such as "20 g"), style (bar, stack), turn."""
    ramp = METAL["fine"]
    grams = look.text("grams", ["5 g", "10 g", "20 g", "50 g", "100 g"])
    style = look.choose("style", ["bar", "stack", "tall"])
    turn = look.between("turn", -14, 4)
    one = _ingot(canvas, ramp, grams)
    if style == "stack":
        return moved(
            moved(one, 26, -62, turn=9, scale=0.8) + moved(one, -12, 42, turn=-4, scale=0.92),
            turn=turn / 2,
        )
    return moved(one, turn=turn if style == "bar" else turn - 62)


def _ingot(canvas: Canvas, ramp: Ramp, grams: str) -> str:
    """A flat bar seen from above, its right and lower sides in shade."""
    body = canvas.soft(rounded(74, 128, 272, 168, 12), SHADOW, 0.34, 12)
    body += fill(rounded(64, 122, 276, 162, 14), ramp[0]) + fill(
        rounded(62, 118, 274, 160, 13), ramp[1]
    )
    face = canvas.linear(
        [
            (0, ramp[4], 1),
            (0.22, ramp[3], 1),
            (0.55, ramp[2], 1),
            (0.8, ramp[3], 1),
            (1, ramp[1], 1),
        ],
        x1=0,
        y1=0,
        x2=1,
        y2=1,
    )
    top, frame = rounded(60, 114, 272, 154, 12), rounded(74, 128, 244, 126, 8)
    body += fill(top, face) + line(top, ramp[4], 1.6, 0.9)
    body += line(frame, ramp[0], 1.4, 0.5) + moved(line(frame, ramp[4], 1, 0.7), 0.9, 1.1)
    body += waves(canvas, rounded(78, 204, 236, 46, 6), (78, 208, 236, 46), ramp[0], 15, 0.5, 1.1)
    body += letters(196, 172, 27, "足金 999.9", darker(ramp[0], 0.25), weight=600, spacing=2)
    return (
        body
        + letters(196, 196, 15, grams, darker(ramp[0], 0.2), spacing=1)
        + sheen(canvas, top, 0.4)
    )


def coin(canvas: Canvas, look: Look) -> str:
    """A gold or silver medal. Looks: metal, motif (waves, lotus, mountain, moon, knot), turn."""
    ramp = METAL[look.choose("metal", METAL, ["fine", "fine", "gold", "silver"])]
    motif = look.choose("motif", ["waves", "lotus", "mountain", "moon", "knot"])
    turn = look.between("turn", -15, 15)
    x, y, r = 198, 196, 118
    body = (
        canvas.ground(x + 16, y + 20, r, r, 0.34, 12)
        + f'<circle cx="{x + 5}" cy="{y + 6}" r="{r}" fill="{ramp[0]}"/>'
    )
    field = canvas.linear(
        [
            (0, ramp[3], 1),
            (0.35, ramp[4], 1),
            (0.5, ramp[3], 1),
            (0.75, ramp[2], 1),
            (1, ramp[1], 1),
        ],
        x1=0,
        y1=0,
        x2=1,
        y2=1,
    )
    body += fill(ellipse(x, y, r, r), field) + tube(ellipse(x, y, r - 6, r - 6), 10, ramp, 9)
    beads = "".join(
        f"M{n(px)} {n(py)}h.1"
        for place in range(72)
        for px, py in [on_ellipse(x, y, r - 18, r - 18, place * 5)]
    )
    body += line(beads, ramp[0], 3.6, 0.55) + moved(line(beads, ramp[4], 2, 0.8), -0.5, -0.6)
    raised = _motif(canvas, x, y, motif, ramp)
    return moved(body + raised, turn=turn, about=(x, y)) + specular(
        canvas, x, y, r - 5, r - 5, (200, 262), 3, 0.85
    )


def _motif(canvas: Canvas, x: float, y: float, motif: str, ramp: Ramp) -> str:
    def embossed(d: str, width: float = 2.6) -> str:
        return moved(line(d, ramp[0], width, 0.6), 1, 1.3) + line(d, ramp[4], width * 0.8, 0.95)

    field = ellipse(x, y, 92, 92)
    sea = waves(canvas, field, (x - 96, y + 26, 192, 70), ramp[0], 20, 0.6, 1.5)
    if motif == "waves":
        return waves(canvas, field, (x - 96, y - 86, 192, 180), ramp[0], 24, 0.55, 1.6)
    if motif == "lotus":
        petal = f"M{x} {y + 30}C{x + 26} {y + 2} {x + 20} {y - 34} {x} {y - 58}C{x - 20} {y - 34} {x - 26} {y + 2} {x} {y + 30}Z"
        return sea + "".join(
            moved(fill(petal, ramp[3], 0.9) + embossed(petal, 2), turn=angle, about=(x, y + 34))
            for angle in (-66, 66, -34, 34, 0)
        )
    if motif == "mountain":
        ridge = f"M{x - 86} {y + 30}L{x - 44} {y - 22}L{x - 22} {y + 2}L{x + 14} {y - 58}L{x + 52} {y - 4}L{x + 64} {y - 16}L{x + 86} {y + 30}"
        return sea + embossed(ridge) + embossed(ellipse(x - 44, y - 52, 15, 15), 2)
    if motif == "moon":
        return (
            sea
            + fill(ellipse(x, y - 20, 46, 46), ramp[4], 0.75)
            + embossed(ellipse(x, y - 20, 46, 46))
            + embossed(f"M{x - 60} {y + 4}h44M{x + 8} {y - 6}h58M{x - 34} {y + 16}h76", 2)
        )
    loops = "".join(
        ellipse(x + dx, y + dy, 30, 30) for dx, dy in ((-22, -22), (22, -22), (-22, 22), (22, 22))
    )
    return embossed(loops, 5) + embossed(
        polygon([(x, y - 16), (x + 16, y), (x, y + 16), (x - 16, y)]), 3
    )
