"""Gift boxes, service cards, and a quiet picture for any product that has none."""

from math import cos, pi, sin

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
    polygon,
    rounded,
)
from siyu.app.demo.art.palette import (
    JADE,
    METAL,
    PAINT,
    SHADOW,
    Ramp,
    darker,
    lighter,
    painted,
)
from siyu.app.demo.art.strokes import cabochon, letters, pearl, seal, tube, waves


def box(canvas: Canvas, look: Look) -> str:
    """A gift box. Looks: color, ribbon (a colour or a metal), style (ribbon, band, open), label."""
    color = PAINT[look.choose("color", PAINT)]
    tie = look.choose("ribbon", [*METAL, *PAINT], ["gold", "rose", "cinnabar", "cream", "silver"])
    ribbon = METAL[tie] if tie in METAL else painted(PAINT[tie])
    style = look.choose("style", ["ribbon", "band", "open"])
    label = look.text("label", ["澜玉", "茶礼", "如意", "双喜"])
    if style == "open":
        return _open_box(canvas, look, color)
    left, right, top = _faces(canvas, color)
    body = canvas.soft("M70 288L214 350L352 280L330 250L80 246Z", SHADOW, 0.38, 12, shift=(10, 8))
    body += fill(_LEFT, left) + fill(_RIGHT, right)
    body += fill("M56 186L200 236L344 186L344 214L200 266L56 214Z", darker(color, 0.7), 0.25)
    lid_left, lid_right = "M52 152L200 206L200 242L52 188Z", "M348 152L200 206L200 242L348 188Z"
    body += fill(lid_left, left) + fill(lid_right, right) + fill(_TOP, top)
    body += waves(canvas, _TOP, (60, 100, 280, 104), lighter(color, 0.6), 20, 0.22, 1)
    body += line("M52 152L200 206L348 152", lighter(color, 0.5), 1.4, 0.6)
    if style == "band":
        return body + _band(canvas, label)
    return body + _ribbon(canvas, ribbon)


_LEFT = "M60 168L200 220L200 338L60 278Z"
_RIGHT = "M340 168L200 220L200 338L340 278Z"
_TOP = "M52 152L200 100L348 152L200 206Z"


def _faces(canvas: Canvas, color: str) -> tuple[str, str, str]:
    left = canvas.linear(
        [(0, lighter(color, 0.18), 1), (1, darker(color, 0.1), 1)], x1=0, y1=0, x2=1, y2=1
    )
    right = canvas.linear(
        [(0, darker(color, 0.22), 1), (1, darker(color, 0.5), 1)], x1=0, y1=0, x2=1, y2=1
    )
    top = canvas.linear(
        [(0, lighter(color, 0.42), 1), (0.6, lighter(color, 0.2), 1), (1, color, 1)],
        x1=0,
        y1=0,
        x2=1,
        y2=1,
    )
    return left, right, top


def _band(canvas: Canvas, label: str) -> str:
    """A paper sleeve over the lid and down the front."""
    paper = canvas.linear([(0, "#FFFDF6", 1), (1, "#E7DFCE", 1)], x1=0, y1=0, x2=1, y2=1)
    shade = canvas.linear([(0, "#EFE7D6", 1), (1, "#CFC4AB", 1)], x1=0, y1=0, x2=0, y2=1)
    over = polygon([(102, 134.5), (150, 117.5), (298, 170), (250, 188)])
    down = polygon([(250, 188), (298, 170), (296, 296), (249, 317)])
    body = fill(over, paper) + fill(down, shade) + line("M250 188L298 170", "#fff", 1.2, 0.8)
    lower = waves(canvas, down, (246, 262, 54, 40), "#17624F", 9, 0.5)
    characters = "".join(
        f'<g transform="translate(273 {214 + 27 * i}) skewY(-20)">{letters(0, 8, 23, part, weight=600)}</g>'
        for i, part in enumerate(label[:2])
    )
    return (
        body
        + lower
        + characters
        + f'<g transform="translate(273 268) skewY(-22)">{seal(0, 0, 17)}</g>'
    )


def _ribbon(canvas: Canvas, ramp: Ramp) -> str:
    """Crossed bands and a bow."""
    sheen = canvas.linear(
        [(0, ramp[3], 1), (0.4, ramp[4], 1), (0.6, ramp[3], 1), (1, ramp[2], 1)],
        x1=0,
        y1=0,
        x2=1,
        y2=0,
    )
    dark = canvas.linear([(0, ramp[2], 1), (1, ramp[1], 1)], x1=0, y1=0, x2=0, y2=1)
    body = fill(polygon([(116, 129.5), (138, 121.5), (286, 175), (264, 183)]), sheen)
    body += fill(polygon([(262, 121.5), (284, 129.5), (136, 183), (114, 175)]), sheen)
    body += fill(polygon([(114, 175), (136, 183), (136, 311), (114, 301)]), sheen)
    body += fill(polygon([(264, 183), (286, 175), (286, 301), (264, 311)]), dark)
    knot: Point = (200, 150)
    shade = canvas.soft("M140 160C170 176 230 176 262 160L236 186L168 188Z", SHADOW, 0.3, 6)
    loops = ""
    for side in (-1, 1):
        loop = f"M200 150C{n(200 + side * 26)} 104 {n(200 + side * 88)} 88 {n(200 + side * 96)} 118C{n(200 + side * 100)} 146 {n(200 + side * 40)} 160 200 150Z"
        inner = f"M200 150C{n(200 + side * 26)} 122 {n(200 + side * 70)} 110 {n(200 + side * 76)} 124C{n(200 + side * 76)} 138 {n(200 + side * 40)} 150 200 150Z"
        tail = f"M200 150C{n(200 + side * 18)} 168 {n(200 + side * 46)} 172 {n(200 + side * 62)} 196L{n(200 + side * 40)} 206C{n(200 + side * 30)} 186 {n(200 + side * 12)} 176 200 150Z"
        loops += (
            fill(tail, sheen if side < 0 else dark)
            + fill(loop, sheen)
            + fill(inner, ramp[1])
            + line(loop, ramp[4], 1.2, 0.7)
        )
    center = canvas.radial(
        [(0, ramp[4], 1), (0.5, ramp[3], 1), (1, ramp[1], 1)], cx=0.35, cy=0.3, r=0.8
    )
    return body + shade + loops + fill(ellipse(*knot, 15, 13), center)


def _open_box(canvas: Canvas, look: Look, color: str) -> str:
    """A box seen from above, something precious on its cushion."""
    turn = look.chance.uniform(-8, 8)
    inside = look.chance.choice(["drop", "pearls", "ring"])
    rim, lining = rounded(84, 92, 232, 216, 14), rounded(102, 110, 196, 180, 8)
    cloth = canvas.radial(
        [(0, "#FFFDF6", 1), (0.6, "#EFE7D8", 1), (1, "#CDBFA6", 1)], cx=0.4, cy=0.36, r=0.8
    )
    face = canvas.linear(
        [(0, lighter(color, 0.4), 1), (0.5, color, 1), (1, darker(color, 0.4), 1)],
        x1=0,
        y1=0,
        x2=1,
        y2=1,
    )
    body = (
        canvas.soft(rim, SHADOW, 0.4, 13, shift=(14, 18))
        + fill(rim, face)
        + line(rim, lighter(color, 0.6), 1.4, 0.7)
    )
    body += fill(lining, darker(color, 0.55)) + fill(rounded(106, 116, 190, 172, 7), cloth)
    body += canvas.soft("M106 116H296V130H120V288H106Z", SHADOW, 0.35, 5)
    folds = "".join(
        canvas.soft(
            f"M{130 + k * 44} 282C{138 + k * 40} 240 {120 + k * 44} 200 {134 + k * 40} 140",
            "#B7A98C",
            0.3,
            4,
            width=4,
        )
        for k in range(4)
    )
    body += folds
    jade = JADE[look.chance.choice(["green", "icy", "lilac", "agate"])]
    if inside == "drop":
        d = "M200 136C214 164 244 188 244 222A44 44 0 0 1 156 222C156 188 186 164 200 136Z"
        thing = (
            canvas.soft(d, SHADOW, 0.32, 8, shift=(9, 12))
            + cabochon(canvas, d, (156, 142, 88, 124), jade)
            + tube("M200 116L200 142", 9, METAL["gold"], 8)
        )
    elif inside == "pearls":
        points = [(200 + 66 * cos(i * pi / 9), 202 + 58 * sin(i * pi / 9)) for i in range(18)]
        thing = canvas.ring_shadow(198, 202, 66, 58, 18, 0.3, 7)
        thing += "".join(
            pearl(canvas, x, y, 12.4, ("#A79C92", "#D3C9BE", "#EFE9E1", "#FBF8F4", "#FFFFFF"))
            for x, y in sorted(points, key=lambda p: p[1])
        )
    else:
        thing = canvas.ring_shadow(200, 214, 48, 48, 12, 0.34, 8) + tube(
            ellipse(200, 216, 48, 48), 13, METAL["gold"], 14
        )
        thing += tube(ellipse(200, 164, 25, 20), 6, METAL["gold"], 8) + cabochon(
            canvas, ellipse(200, 163, 23, 18), (177, 145, 46, 36), jade
        )
    return moved(body + thing, turn=turn)


def card(canvas: Canvas, look: Look) -> str:
    """A card for a service or a value. Looks: color, label, sub."""
    color = PAINT[
        look.choose("color", PAINT, ["jade", "indigo", "plum", "ink", "cinnabar", "teal"])
    ]
    label = look.text("label", ["养护", "刻字", "改圈", "礼卡"])
    sub = look.text("sub", ["澜玉门店服务"])
    turn = look.between("turn", -9, 5)
    gold = METAL["gold"]
    face = canvas.linear(
        [(0, lighter(color, 0.22), 1), (0.5, color, 1), (1, darker(color, 0.4), 1)],
        x1=0,
        y1=0,
        x2=1,
        y2=1,
    )
    shape = rounded(58, 116, 284, 178, 14)
    back = moved(fill(shape, "#FBF7EC") + line(shape, "#D8CDB6", 1), 12, -16, turn=7)
    body = canvas.soft(shape, SHADOW, 0.36, 12, shift=(14, 18)) + back
    body += moved(fill(shape, SHADOW, 0.16), 2.5, 3.5) + fill(shape, face)
    body += waves(canvas, shape, (58, 214, 284, 84), gold[3], 22, 0.34, 1) + line(
        rounded(66, 124, 268, 162, 9), gold[3], 1, 0.5
    )
    body += line(ellipse(292, 164, 24, 24), gold[3], 1.6, 0.9) + line(
        "".join(arc(292, 170 + k * 5, r, r, 200, 340) for k, r in ((0, 17), (1, 10))),
        gold[3],
        1.6,
        0.9,
    )
    body += letters(118, 176, 31, label, gold[3], weight=600, spacing=4) + letters(
        124, 200, 12, sub, gold[3], spacing=2
    )
    return moved(body, turn=turn)


def keepsake(canvas: Canvas, look: Look) -> str:
    """A soft vessel, stone or cloth, for a product nobody has photographed. Looks: label."""
    look.between("turn", 0, 1)
    label = look.text("label", [""])
    hue = look.chance.choice(["jade", "indigo", "ochre", "plum", "teal", "moss", "cinnabar"])
    ramp = painted(lighter(PAINT[hue], 0.45))
    form = look.chance.choice(["stone", "arch", "moon", "vase"])
    outline = {
        "stone": "M96 236C84 172 138 116 208 112C282 108 330 164 318 232C308 294 250 316 196 312C142 308 104 284 96 236Z",
        "arch": "M118 312V206C118 146 154 108 200 108C246 108 282 146 282 206V312Z",
        "moon": ellipse(200, 208, 108, 108),
        "vase": "M174 100H226C228 132 232 144 252 164C298 208 292 282 246 312H154C108 282 102 208 148 164C168 144 172 132 174 100Z",
    }[form]  # fmt: skip
    face = canvas.linear(
        [(0, ramp[4], 1), (0.35, ramp[3], 1), (0.75, ramp[2], 1), (1, ramp[1], 1)],
        x1=0.1,
        y1=0,
        x2=0.9,
        y2=1,
    )
    body = canvas.soft(outline, SHADOW, 0.3, 13, shift=(14, 18)) + fill(outline, face)
    body += waves(canvas, outline, (90, 246, 220, 70), ramp[0], 20, 0.28, 1.1)
    body += canvas.soft("M140 196C146 160 168 138 200 132", "#fff", 0.5, 6, width=10)
    if label:
        body += letters(200, 236, 76, label[:1], darker(ramp[0], 0.25), weight=600)
    return body
