"""Jade and pearls: bangles, rings, pendants, earrings, bead bracelets."""

from math import hypot
from random import Random

from siyu.app.demo.art.canvas import (
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
from siyu.app.demo.art.palette import JADE, METAL, PEARL, SHADOW, Ramp, mix
from siyu.app.demo.art.strokes import (
    around,
    cabochon,
    chain,
    facets,
    glint,
    halo,
    pearl,
    small_ball,
    specular,
    tube,
    veins,
)


def bangle(canvas: Canvas, look: Look) -> str:
    """A jade bangle lying flat. Looks: jade, tint (a second jade, or "none"), cut, turn, width."""
    ramp = JADE[look.choose("jade", JADE)]
    tint = look.choose("tint", ["none", *JADE], ["none", "none", "green", "lilac", "honey"])
    cut = look.choose("cut", ["round", "flat", "oval"])
    turn = look.between("turn", -24, 24)
    width = look.between("width", 34, 44) * (1.18 if cut == "flat" else 1)
    rx, ry = (126, 108) if cut == "oval" else (122, 118)
    x, y = 200, 198
    d = ellipse(x, y, rx, ry)
    body = canvas.mask(f'<path d="{d}" fill="none" stroke="#fff" stroke-width="{n(width)}"/>')
    inside = ""
    if tint != "none":
        start = look.chance.uniform(0, 360)
        for size, opacity in ((74, 0.5), (44, 0.6)):
            inside += line(
                arc(x, y, rx, ry, start, start + size), JADE[tint][1], width * 0.9, opacity
            )
    inside += veins((x, y, rx, ry), width, mix(ramp[0], "#0C5A3C", 0.45), look.chance, 6)
    inside += line(arc(x + 5, y + 6, rx, ry, 10, 110), ramp[4], 13, 0.6)
    around_it = (x - rx - width / 2, y - ry - width / 2, 2 * rx + width, 2 * ry + width)
    inside = canvas.blurred(inside, around_it, 5)
    lift = 0.1 if cut == "flat" else 0.19
    return (
        canvas.ring_shadow(x, y, rx, ry, width - 6, 0.25, 11)
        + moved(
            tube(d, width, ramp, 17, lift) + f'<g mask="{body}">{inside}</g>',
            turn=turn if cut == "oval" else 0,
        )
        + specular(canvas, x - 3, y - 3, rx + width * 0.12, ry + width * 0.12, (196, 262), 4.5)
        + specular(canvas, x - 2, y - 2, rx - width * 0.21, ry - width * 0.21, (20, 62), 2.6, 0.55)
    )


def ring(canvas: Canvas, look: Look) -> str:
    """A ring standing up. Looks: jade, metal, gem (facet, cab, solitaire, pearl, band), sides."""
    ramp = JADE[
        look.choose("jade", JADE, ["green", "icy", "lilac", "honey", "ink", "sky", "agate"])
    ]
    metal = METAL[look.choose("metal", METAL, ["gold", "rose", "silver"])]
    gem = look.choose("gem", ["facet", "cab", "solitaire", "pearl", "band"])
    sides = int(look.between("sides", 8, 10.99))
    chance = look.chance
    x, y, rx, ry = 200, 238, 84, 88
    back = tube(
        ellipse(x + 9, y + 1, rx - 3, ry - 2),
        13,
        [mix(color, "#3A2408", 0.42) for color in metal],
        8,
    )
    wide = 26 if gem == "band" else 15
    front = tube(ellipse(x, y, rx, ry), wide, metal)
    front += specular(canvas, x, y, rx, ry, (188, 236), wide * 0.17, 0.8)
    seat = "".join(tube(f"M{200 + k} 166L{n(200 + k * 1.55)} 128", 6, metal, 7) for k in (-23, 23))
    seat += tube(ellipse(200, 158, 30, 9), 6, metal, 8)
    if gem == "facet":
        top = halo(200, 112, 60, 50, chance) + facets(200, 112, 53, 43, ramp, chance, sides)
        top += "".join(
            small_ball(200 + kx, 112 + ky, 4.6, metal) for kx in (-38, 38) for ky in (-31, 31)
        )
        top += glint(168, 84, 11)
    elif gem == "solitaire":
        top = facets(200, 118, 44, 40, ramp, chance, sides) + glint(176, 94, 10)
        top += "".join(
            tube(f"M{200 + kx} {n(118 + ky * 1.3)}L{200 + kx * 0.86} {118 + ky}", 7, metal, 6)
            for kx, ky in ((-38, 22), (38, 22), (-30, -26), (30, -26))
        )
    elif gem == "pearl":
        top = tube(ellipse(200, 144, 30, 12), 8, metal, 8) + pearl(
            canvas, 200, 108, 47, PEARL["dark" if ramp is JADE["ink"] else "white"]
        )
    elif gem == "cab":
        top = tube(ellipse(200, 114, 52, 42), 7, metal, 9) + cabochon(
            canvas, ellipse(200, 112, 48, 38), (152, 74, 96, 76), ramp
        )
    else:
        return canvas.ground(214, 336, 92, 15, 0.32, 9) + back + front + _inlay(look, ramp)
    return (
        canvas.ground(214, 334, 92, 15, 0.32, 9)
        + back
        + seat
        + front
        + moved(top, scale=0.84, about=(200, 150))
    )


def _inlay(look: Look, ramp: Ramp) -> str:
    """Small stones set along the top of a band."""
    parts: list[str] = []
    for step in range(-3, 4):
        x, y = on_ellipse(200, 238, 84, 88, -90 + step * 15)
        parts.append(
            moved(facets(x, y, 9.5, 10.5, ramp, look.chance, 6), turn=step * 15, about=(x, y))
        )
    return "".join(parts) + glint(176, 146, 8)


def pendant(canvas: Canvas, look: Look) -> str:
    """A pendant on a chain. Looks: jade, metal, shape (disc, drop, gourd, plaque, heart, leaf)."""
    ramp = JADE[look.choose("jade", JADE)]
    metal = METAL[look.choose("metal", METAL, ["gold", "rose", "silver"])]
    shape = look.choose("shape", ["disc", "drop", "gourd", "plaque", "heart", "leaf"])
    hang = chain("M84 -120C92 40 162 128 196 150", metal) + chain(
        "M316 -120C308 40 238 128 204 150", metal
    )
    bail = tube("M200 152L200 186", 13, metal, 9) + line("M196 158L196 180", "#fff", 2, 0.8)
    if shape == "disc":
        return hang + _disc(canvas, look, ramp) + bail
    outline, box = {
        "drop": ("M200 184C216 214 252 244 252 282A52 52 0 0 1 148 282C148 244 184 214 200 184Z", (148, 190, 104, 144)),
        "gourd": ("M200 184C222 184 234 200 230 218C228 228 224 234 228 240C246 250 258 270 256 292C254 322 230 342 200 342C170 342 146 322 144 292C142 270 154 250 172 240C176 234 172 228 170 218C166 200 178 184 200 184Z", (144, 190, 112, 152)),
        "plaque": (rounded(150, 184, 100, 152, 17), (150, 184, 100, 152)),
        "heart": ("M200 214C212 188 262 184 262 232C262 276 222 306 200 330C178 306 138 276 138 232C138 184 188 188 200 214Z", (138, 194, 124, 132)),
        "leaf": ("M204 184C252 216 264 288 208 350C150 304 146 232 204 184Z", (152, 190, 104, 160)),
    }[shape]  # fmt: skip
    body = canvas.soft(outline, SHADOW, 0.27, 10, shift=(12, 15)) + cabochon(
        canvas, outline, box, ramp
    )
    if shape == "plaque":  # 无事牌: a quiet tablet, only its edge is worked
        body += line(rounded(158, 192, 84, 136, 12), ramp[4], 1.6, 0.55) + line(
            rounded(159.5, 193.5, 84, 136, 12), ramp[0], 1.2, 0.35
        )
    if shape == "leaf":
        ribs = "M205 196C200 250 198 300 208 340M201 236L226 222M200 262L236 246M200 288L230 276M201 236L180 226M200 262L168 252M200 288L174 282"
        body += moved(line(ribs, ramp[0], 1.8, 0.3), 0.8, 1) + line(ribs, ramp[4], 1.3, 0.6)
    if shape == "gourd":
        body += line("M178 238Q200 248 222 238", ramp[0], 2, 0.3)
    return hang + body + bail


def _disc(canvas: Canvas, look: Look, ramp: Ramp) -> str:
    """平安扣: a convex disc with a hole."""
    y, width = 258, 62
    d = ellipse(200, y, 48, 48)
    mask = canvas.mask(f'<path d="{d}" fill="none" stroke="#fff" stroke-width="{width}"/>')
    inside = veins((200, y, 48, 48), width, mix(ramp[0], "#0C5A3C", 0.35), look.chance, 4)
    inside += line(arc(204, y + 5, 58, 58, 5, 110), ramp[4], 14, 0.6)
    inside = canvas.blurred(inside, (120, y - 80, 160, 160), 4.5)
    return (
        canvas.ring_shadow(200, y, 48, 48, width - 6)
        + tube(d, width, ramp, 20, 0.14)
        + f'<g mask="{mask}">{inside}</g>'
        + specular(canvas, 200, y, 62, 62, (198, 258), 5)
    )


def earrings(canvas: Canvas, look: Look) -> str:
    """A pair of earrings. Looks: jade, metal, style (drop, ball, hoop, bar)."""
    ramp = JADE[
        look.choose("jade", JADE, ["green", "icy", "lilac", "honey", "sky", "agate", "hetian"])
    ]
    metal = METAL[look.choose("metal", METAL, ["gold", "rose", "silver"])]
    style = look.choose("style", ["drop", "ball", "hoop", "bar"])
    return "".join(_earring(canvas, x, y, ramp, metal, style) for x, y in ((138, 0), (262, 22)))


def _earring(canvas: Canvas, x: float, y: float, ramp: Ramp, metal: Ramp, style: str) -> str:
    hook = (
        f"M{x} {150 + y}L{x} {118 + y}C{x} {84 + y} {x + 34} {76 + y} {x + 38} {108 + y}"
        f"C{x + 39} {120 + y} {x + 37} {130 + y} {x + 36} {136 + y}"
    )
    top = tube(hook, 4.6, metal, 7)
    knot = tube(ellipse(x, 158 + y, 9, 9), 5, metal, 7)
    if style == "hoop":
        d = ellipse(x, 232 + y, 46, 52)
        return (
            canvas.ring_shadow(x, 232 + y, 46, 52, 14, 0.24, 8)
            + top
            + tube(d, 19, ramp, 16)
            + specular(canvas, x - 1, 231 + y, 48, 54, (195, 255), 2.6)
            + knot
        )
    if style == "ball":
        links = f"M{x} {166 + y}L{x} {214 + y}"
        shade = canvas.ground(x + 11, 262 + y, 36, 36, 0.26, 9)
        cap = fill(
            f"M{x - 14} {216 + y}Q{x} {200 + y} {x + 14} {216 + y}Q{x} {210 + y} {x - 14} {216 + y}Z",
            metal[2],
        )
        return (
            shade
            + top
            + chain(links, metal, 4.6)
            + pearl(canvas, x, 248 + y, 37, ramp)
            + cap
            + knot
        )
    if style == "bar":
        d = rounded(x - 15, 172 + y, 30, 122, 15)
        shade = canvas.soft(d, SHADOW, 0.27, 9, shift=(10, 13))
        band = tube(f"M{x - 15} {212 + y}L{x + 15} {212 + y}", 6, metal, 6) + tube(
            f"M{x - 15} {256 + y}L{x + 15} {256 + y}", 6, metal, 6
        )
        return shade + top + cabochon(canvas, d, (x - 15, 172 + y, 30, 122), ramp) + band + knot
    d = (
        f"M{x} {168 + y}C{x + 11} {196 + y} {x + 40} {222 + y} {x + 40} {258 + y}A40 40 0 0 1 {x - 40} {258 + y}"
        f"C{x - 40} {222 + y} {x - 11} {196 + y} {x} {168 + y}Z"
    )
    cap = (
        f'<path d="M{x - 13} {180 + y}Q{x} {168 + y} {x + 13} {180 + y}L{x + 8} {190 + y}Q{x} {184 + y} {x - 8} {190 + y}Z"'
        f' fill="{metal[2]}" stroke="{metal[0]}" stroke-width=".7"/>'
    )
    shade = canvas.soft(d, SHADOW, 0.27, 9, shift=(11, 14))
    return shade + top + cabochon(canvas, d, (x - 40, 176 + y, 80, 122), ramp) + knot + cap


def beads(canvas: Canvas, look: Look) -> str:
    """A bead bracelet. Looks: jade, accent (the large bead), count, spacer (a metal, or "none")."""
    jade = look.choose(
        "jade", JADE, ["hetian", "green", "ink", "honey", "agate", "sky", "lilac", "glutinous"]
    )
    accent = look.choose("accent", JADE, ["green", "honey", "agate", "hetian", "icy"])
    count = int(look.between("count", 15, 20.99))
    spacer = look.choose("spacer", ["none", *METAL], ["none", "gold", "silver"])
    rx, ry = 108, 95
    r = 3.02 * rx / count
    body = canvas.ring_shadow(200, 202, rx, ry, r * 1.5, 0.25)
    for i, x, y in around(200, 200, rx, ry, count):
        if spacer != "none" and i in (1, count - 1):
            body += small_ball(x, y, r * 0.78, METAL[spacer])
        else:
            body += pearl(
                canvas, x, y, r * 1.24 if i == 0 else r * 1.02, JADE[accent if i == 0 else jade]
            )
    return body


def strand(canvas: Canvas, look: Look) -> str:
    """A pearl necklace or bracelet. Looks: pearl, metal (of the clasp), style (necklace, double, bracelet)."""
    ramp = PEARL[
        look.choose("pearl", PEARL, ["white", "white", "pink", "gold", "dark", "lavender"])
    ]
    metal = METAL[look.choose("metal", METAL, ["gold", "silver"])]
    style = look.choose("style", ["necklace", "double", "bracelet"])
    if style == "bracelet":
        body = canvas.ring_shadow(200, 204, 112, 92, 22, 0.26, 9)
        for i, px, py in around(200, 200, 112, 92, 23):
            body += small_ball(px, py, 12, metal) if i == 0 else pearl(canvas, px, py, 15.2, ramp)
        return body
    body = _hanging(canvas, ramp, 1.0, 0)
    if style == "double":
        body = _hanging(canvas, ramp, 1.16, 34) + moved(_hanging(canvas, ramp, 0.82, -22), 0, -14)
    return body


def _hanging(canvas: Canvas, ramp: Ramp, size: float, lower: float) -> str:
    """Pearls on a curve that comes in from the top, touching one another, the largest in front."""
    steps = [i / 400 for i in range(401)]
    curve = [
        (200 + 128 * size * (2 * t - 1), -50 + (314 + lower) * (1 - abs(2 * t - 1) ** 2.4))
        for t in steps
    ]
    middle = len(curve) // 2
    row = [(*curve[middle], 17.5 * size**0.4)]
    for side in (curve[middle:], curve[middle::-1]):
        x, y, r = row[0]
        for px, py in side:
            smaller = max(8.5, 17.5 * size**0.4 - 0.026 * (curve[middle][1] - py))
            if hypot(px - x, py - y) >= r + smaller:
                x, y, r = px, py, smaller
                row.append((x, y, r))
    d = "M" + "L".join(f"{n(x)} {n(y)}" for x, y in curve)
    body = canvas.soft(d, SHADOW, 0.26, 9, width=22, shift=(12, 15))
    return body + "".join(
        pearl(canvas, x, y, r, ramp) for x, y, r in sorted(row, key=lambda place: place[1])
    )


def studs(canvas: Canvas, look: Look) -> str:
    """A pair of pearl earrings. Looks: pearl, metal, style (stud, drop, flower)."""
    ramp = PEARL[look.choose("pearl", PEARL)]
    metal = METAL[look.choose("metal", METAL, ["gold", "rose", "silver"])]
    style = look.choose("style", ["stud", "drop", "flower"])
    return "".join(_stud(canvas, x, y, ramp, metal, style) for x, y in ((132, 180), (268, 204)))


def _stud(canvas: Canvas, x: float, y: float, ramp: Ramp, metal: Ramp, style: str) -> str:
    if style == "drop":
        shade = canvas.ground(x + 11, y + 74, 36, 36, 0.26, 9)
        gem = facets(x, y - 62, 15, 15, METAL["silver"], Random(8))  # both of a pair alike
        return (
            shade
            + tube(ellipse(x, y - 62, 16, 16), 4, metal, 6)
            + gem
            + chain(f"M{x} {y - 46}L{x} {y + 22}", metal, 4)
            + pearl(canvas, x, y + 58, 38, ramp)
        )
    petals = ""
    if style == "flower":
        shape = f"M{x} {y}C{x + 30} {y - 18} {x + 26} {y - 62} {x} {y - 70}C{x - 26} {y - 62} {x - 30} {y - 18} {x} {y}Z"
        face = canvas.linear(
            [(0, metal[4], 1), (0.5, metal[3], 1), (1, metal[1], 1)], x1=0, y1=0, x2=1, y2=1
        )
        petals = canvas.ground(x + 11, y + 14, 62, 62, 0.26, 10) + "".join(
            moved(fill(shape, face) + line(shape, metal[0], 0.8, 0.5), turn=72 * i, about=(x, y))
            for i in range(5)
        )
        return petals + pearl(canvas, x, y, 30, ramp)
    shade = canvas.ground(x + 14, y + 18, 52, 52, 0.3, 11)
    cup = tube(arc(x, y + 2, 53, 53, 60, 150), 7, metal, 7)
    return (
        shade
        + tube(f"M{x + 34} {y - 34}L{x + 58} {y - 58}", 6, metal, 6)
        + cup
        + pearl(canvas, x, y, 52, ramp)
    )
