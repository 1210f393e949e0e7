"""Tea ware: bowls, gaiwans, pots, jars, pitchers."""

from typing import Final, NamedTuple

from siyu.app.demo.art.canvas import (
    Canvas,
    Look,
    arc,
    ellipse,
    fill,
    line,
    moved,
    n,
    rounded,
)
from siyu.app.demo.art.palette import (
    CLAY,
    GLAZE,
    INK,
    PAINT,
    SHADOW,
    TEA,
    Ramp,
    mix,
)
from siyu.app.demo.art.strokes import drum, letters, seal, specular, tube, waves


def cup(canvas: Canvas, look: Look) -> str:
    """A bowl of tea. Looks: glaze, tea, shape (bowl, tall, lotus), steam ("yes", "no")."""
    glaze = GLAZE[look.choose("glaze", GLAZE)]
    liquor = TEA[look.choose("tea", TEA)]
    shape = look.choose("shape", ["bowl", "tall", "lotus"])
    steam = look.choose("steam", ["yes", "no"], ["yes", "yes", "no"])
    profile, rim, y = {
        "bowl": ("M92 176C94 250 138 300 166 306L234 306C262 300 306 250 308 176Z", 108.0, 176.0),
        "tall": ("M114 150C116 216 132 286 160 306L240 306C268 286 284 216 286 150Z", 86.0, 150.0),
        "lotus": ("M84 190C110 196 120 262 164 306L236 306C280 262 290 196 316 190Z", 116.0, 188.0),
    }[shape]
    foot = "M164 302L160 324A40 9 0 0 0 240 324L236 302Z"
    side, fall = _glazed(canvas, glaze)
    body = (
        canvas.ground(220, 330, 94, 15, 0.34)
        + fill(foot, side)
        + fill(foot, SHADOW, 0.18)
        + fill(profile, side)
        + fill(profile, fall)
    )
    body += canvas.soft(
        f"M{n(200 - rim * 0.76)} {n(y + 38)}C{n(200 - rim * 0.7)} {n(y + 76)} 146 278 162 288",
        "#fff",
        0.55,
        3,
        width=7,
    )
    body += _opening(canvas, rim, y, glaze, liquor)
    return body + (_steam(canvas, y) if steam == "yes" else "")


def _glazed(canvas: Canvas, glaze: Ramp) -> tuple[str, str]:
    side = canvas.across(
        [
            (0, glaze[0], 1),
            (0.1, glaze[1], 1),
            (0.3, glaze[3], 1),
            (0.4, glaze[2], 1),
            (0.72, glaze[1], 1),
            (0.94, glaze[0], 1),
            (1, glaze[1], 1),
        ]
    )
    return side, canvas.down([(0, glaze[4], 0.25), (0.5, glaze[0], 0), (1, glaze[0], 0.75)])


def _opening(canvas: Canvas, rim: float, y: float, glaze: Ramp, liquor: str) -> str:
    """A round mouth seen from above, filled with tea."""
    inside = canvas.linear(
        [(0, glaze[0], 1), (0.5, glaze[1], 1), (1, glaze[3], 1)], x1=0, y1=0, x2=1, y2=1
    )
    tea = canvas.radial(
        [
            (0, mix(liquor, "#FFE9B0", 0.55), 1),
            (0.6, liquor, 1),
            (1, mix(liquor, "#5A2D08", 0.5), 1),
        ],
        cx=0.66,
        cy=0.7,
        r=0.75,
    )
    return (
        fill(ellipse(200, y, rim, rim * 0.278), glaze[3])
        + fill(ellipse(200, y + 1, rim - 5, rim * 0.278 - 3), inside)
        + fill(ellipse(200, y + 10, rim * 0.85, rim * 0.18), tea)
        + specular(canvas, 200, y + 10, rim * 0.78, rim * 0.14, (190, 262), 3, 0.7)
        + line(arc(200, y, rim - 1, rim * 0.278 - 1, 150, 285), "#fff", 2.2, 0.8)
    )


def _steam(canvas: Canvas, y: float) -> str:
    return "".join(
        canvas.soft(
            f"M{x} {n(y - 26)}C{x - 22} {n(y - 56)} {x + 24} {n(y - 76)} {x} {n(y - 114)}",
            "#fff",
            opacity,
            6,
            width=width,
        )
        for x, width, opacity in ((178, 9, 0.5), (214, 12, 0.42))
    )


def gaiwan(canvas: Canvas, look: Look) -> str:
    """A lidded bowl on its saucer. Looks: glaze, trim (a name of PAINT, or "none")."""
    glaze = GLAZE[look.choose("glaze", GLAZE, ["white", "celadon", "sky", "ochre", "plum"])]
    trim = look.choose("trim", ["none", *PAINT], ["none", "indigo", "jade", "cinnabar"])
    side, fall = _glazed(canvas, glaze)
    dish = canvas.linear(
        [(0, glaze[4], 1), (0.5, glaze[3], 1), (1, glaze[1], 1)], x1=0, y1=0, x2=1, y2=1
    )
    profile = "M96 188C112 200 112 262 168 304L232 304C288 262 288 200 304 188Z"
    lid = "M118 186C126 160 160 144 200 144C240 144 274 160 282 186A82 19 0 0 1 118 186Z"
    body = canvas.ground(218, 338, 116, 15, 0.34)
    body += moved(fill(ellipse(200, 318, 112, 26), glaze[0]), 0, 5) + fill(
        ellipse(200, 318, 112, 26), dish
    )
    body += line(ellipse(200, 317, 92, 19), glaze[1], 1.4, 0.7) + canvas.ground(
        208, 316, 56, 12, 0.3, 5
    )
    body += fill(profile, side) + fill(profile, fall)
    if trim != "none":
        paint = PAINT[trim]
        body += waves(canvas, profile, (100, 250, 200, 40), paint, 13, 0.6, 1.2)
        body += line("M107 202A94 24 0 0 0 293 202", paint, 1.8, 0.6)
    body += canvas.soft("M126 226C134 254 148 276 166 290", "#fff", 0.55, 3, width=7)
    body += fill(ellipse(200, 188, 104, 26), glaze[3]) + fill(ellipse(200, 189, 99, 23.5), glaze[1])
    body += line(arc(200, 188, 103, 25.5, 150, 285), "#fff", 2, 0.8) + canvas.ground(
        206, 196, 84, 18, 0.34, 3
    )
    body += fill(lid, side) + fill(
        lid, canvas.down([(0, glaze[4], 0.5), (0.5, glaze[3], 0.1), (1, glaze[0], 0.3)])
    )
    if trim != "none":
        body += line("M124 176A78 18 0 0 0 276 176", PAINT[trim], 1.6, 0.6)
    knob = "M182 146C186 136 184 130 179 126L221 126C216 130 214 136 218 146A18 5 0 0 1 182 146Z"
    body += (
        fill(knob, side)
        + fill(ellipse(200, 126, 21.5, 6.5), dish)
        + line(arc(200, 126, 20.5, 6, 150, 280), "#fff", 1.4, 0.8)
    )
    return body + canvas.soft("M138 176C146 164 162 156 180 153", "#fff", 0.7, 2.4, width=5)


class _Pot(NamedTuple):
    """The body of a pot, half the width of its mouth, and where mouth and base lie."""

    profile: str
    mouth: float
    top: float
    base: float


_POTS: Final = {
    "round": _Pot("M128 200C112 236 120 292 166 306L234 306C280 292 288 236 272 200C256 180 144 180 128 200Z", 52, 190, 306),
    "low": _Pot("M122 232C100 252 112 298 160 308L240 308C288 298 300 252 278 232C256 214 144 214 122 232Z", 58, 222, 308),
    "pear": _Pot("M150 172C140 216 106 250 132 292C140 302 156 308 166 308L234 308C244 308 260 302 268 292C294 250 260 216 250 172C236 162 164 162 150 172Z", 48, 170, 308),
}  # fmt: skip


def teapot(canvas: Canvas, look: Look) -> str:
    """A teapot. Looks: clay (of CLAY or GLAZE), shape (round, low, pear)."""
    known = {**CLAY, **GLAZE}
    clay = known[look.choose("clay", known, [*CLAY, *CLAY, "celadon", "white", "sky"])]
    shape = look.choose("shape", _POTS)
    pot = _POTS[shape]
    side, fall = _glazed(canvas, clay)
    body = canvas.ground(214, pot.base + 12, 104, 15, 0.36) + _handle_and_spout(
        canvas, pot, clay, side
    )
    body += fill(pot.profile, side) + fill(pot.profile, fall)
    body += fill("M164 304L162 316A38 7 0 0 0 238 316L236 304Z", side)
    lit = f"M146 {n(pot.top + 34)}C134 {n(pot.top + 62)} 140 {n(pot.base - 34)} 156 {n(pot.base - 22)}"
    body += canvas.soft(lit, "#fff", 0.42, 4, width=9) + _pot_lid(canvas, pot, clay, side)
    if shape != "pear":
        body += waves(canvas, pot.profile, (110, pot.base - 44, 180, 26), clay[0], 13, 0.4, 1.1)
    return body


def _handle_and_spout(canvas: Canvas, pot: _Pot, clay: Ramp, side: str) -> str:
    top, span = pot.top, pot.base - pot.top
    drop = span * 0.62
    handle = (
        f"M136 {n(top + 26)}C86 {n(top)} 58 {n(top + drop * 0.6)} 88 {n(top + drop)}"
        f"C98 {n(top + drop + 10)} 118 {n(top + drop + 4)} 130 {n(top + drop - 4)}"
    )
    root, crook, tip = top + span * 0.66, top + span * 0.4, top - span * 0.02
    spout = (
        f"M256 {n(root - 22)}C288 {n(root - 26)} 296 {n(crook)} 324 {n(tip)}L340 {n(tip + 7)}"
        f"C324 {n(crook + 22)} 312 {n(root + 8)} 258 {n(root + 20)}Z"
    )
    shade = canvas.down([(0, clay[4], 0.3), (0.6, clay[0], 0), (1, clay[0], 0.6)])
    lit = f"M276 {n(root - 12)}C296 {n(root - 20)} 304 {n(crook)} 322 {n(tip + 12)}"
    return (
        tube(handle, 15, clay, 12)
        + fill(spout, side)
        + fill(spout, shade)
        + line(f"M324 {n(tip)}L340 {n(tip + 7)}", clay[0], 2.4, 0.8)
        + canvas.soft(lit, "#fff", 0.35, 2, width=4)
    )


def _pot_lid(canvas: Canvas, pot: _Pot, clay: Ramp, side: str) -> str:
    left, right, rim, crown = 200 - pot.mouth, 200 + pot.mouth, pot.top + 2, pot.top - 30
    lid = (
        f"M{n(left)} {n(rim)}C{n(left + 6)} {n(crown + 6)} 176 {n(crown)} 200 {n(crown)}"
        f"C224 {n(crown)} {n(right - 6)} {n(crown + 6)} {n(right)} {n(rim)}"
        f"A{n(pot.mouth)} 11 0 0 1 {n(left)} {n(rim)}Z"
    )
    shade = canvas.down([(0, clay[4], 0.35), (0.5, clay[0], 0), (1, clay[0], 0.5)])
    seam = f"M{n(left)} {n(rim)}A{n(pot.mouth)} 11 0 0 0 {n(right)} {n(rim)}"
    lit = f"M{n(left + 14)} {n(rim - 10)}C{n(left + 22)} {n(rim - 22)} 180 {n(crown + 6)} 188 {n(crown + 5)}"
    knob = canvas.radial(
        [(0, clay[4], 1), (0.3, clay[3], 1), (0.7, clay[1], 1), (1, clay[0], 1)],
        cx=0.36,
        cy=0.3,
        r=0.8,
    )
    return (
        fill(lid, side)
        + fill(lid, shade)
        + line(seam, clay[0], 1.6, 0.7)
        + canvas.soft(lit, "#fff", 0.5, 2, width=4)
        + fill(ellipse(200, crown - 2, 8, 6), clay[0])
        + f'<circle cx="200" cy="{n(crown - 12)}" r="13" fill="{knob}"/>'
    )


def caddy(canvas: Canvas, look: Look) -> str:
    """A stoneware tea jar with a wooden lid, or a fairness pitcher. Looks: glaze, style (jar, pitcher), tea."""
    glaze = GLAZE[look.choose("glaze", GLAZE)]
    style = look.choose("style", ["jar", "pitcher"])
    liquor = TEA[look.choose("tea", TEA)]
    side, fall = _glazed(canvas, glaze)
    if style == "pitcher":
        profile = "M122 142C120 210 122 280 160 312A42 8 0 0 0 240 312C278 280 280 210 278 142Z"
        body = canvas.ground(222, 320, 92, 15, 0.34) + tube(
            "M276 176C330 176 330 262 266 266", 13, glaze, 10
        )
        lip = "M122 142C112 134 100 132 92 138C104 150 116 158 123 168Z"
        body += fill(lip, glaze[2]) + fill(profile, side) + fill(profile, fall)
        body += canvas.soft("M142 184C142 232 148 268 164 292", "#fff", 0.55, 3, width=7)
        return body + _opening(canvas, 78, 142, glaze, liquor)
    profile = "M144 142C96 160 100 262 140 308A62 9 0 0 0 260 308C300 262 304 160 256 142Z"
    wood = ("#4A2E16", "#7A5128", "#A97B47", "#CFA873", "#F2DDB8")
    band = canvas.across(
        [
            (0, wood[0], 1),
            (0.12, wood[1], 1),
            (0.32, wood[3], 1),
            (0.7, wood[1], 1),
            (1, wood[0], 1),
        ]
    )
    body = canvas.ground(222, 318, 92, 15, 0.36) + fill(profile, side) + fill(profile, fall)
    body += waves(canvas, profile, (90, 262, 220, 40), glaze[0], 16, 0.45, 1.2)
    body += canvas.soft("M122 196C118 234 126 268 144 290", "#fff", 0.55, 4, width=8)
    body += (
        fill(drum(54, 13, 110, 144), band)
        + fill(ellipse(200, 110, 54, 13), wood[3])
        + line(ellipse(200, 110, 44, 9.5), wood[1], 1, 0.5)
    )
    tag = rounded(178, 190, 44, 58, 2)
    return (
        body
        + moved(fill(tag, "#000", 0.2), 2, 2.5)
        + fill(tag, "#FFFDF6")
        + letters(200, 214, 17, "茶", INK, weight=600)
        + seal(200, 233, 15)
    )
