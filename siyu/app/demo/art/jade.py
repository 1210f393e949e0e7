"""Jade: bangles, rings, pendants, earrings, bead bracelets."""

from siyu.app.demo.art.canvas import Canvas, Look, arc, ellipse, fill, line, moved, n, rounded
from siyu.app.demo.art.palette import JADE, METAL, SHADOW, Ramp, mix, tone
from siyu.app.demo.art.strokes import (
    around,
    cabochon,
    cast,
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
        for size, opacity in ((74, 0.55), (40, 0.7)):
            inside += canvas.soft(arc(x, y, rx, ry, start, start + size), JADE[tint][1], opacity, 9, width=width)
    inside += veins(canvas, x, y, rx, ry, width, mix(ramp[0], "#0C5A3C", 0.45), look.chance, 6)
    inside += canvas.soft(arc(x + 5, y + 6, rx, ry, 10, 110), ramp[4], 0.55, 5, width=13)
    lift = 0.1 if cut == "flat" else 0.19
    return (
        cast(canvas, d, width - 6, 0.25, 11)
        + moved(tube(d, width, ramp, 26, lift) + f'<g mask="{body}">{inside}</g>', turn=turn if cut == "oval" else 0)
        + specular(canvas, x - 3, y - 3, rx + width * 0.12, ry + width * 0.12, (196, 262), 4.5)
        + specular(canvas, x - 2, y - 2, rx - width * 0.21, ry - width * 0.21, (20, 62), 2.6, 0.55)
    )


def ring(canvas: Canvas, look: Look) -> str:
    """A ring standing up. Looks: jade, metal, gem (facet, cab, plain, pearl), sides."""
    ramp = JADE[look.choose("jade", JADE, ["green", "icy", "lilac", "honey", "ink", "sky", "agate"])]
    metal = METAL[look.choose("metal", METAL, ["gold", "rose", "silver"])]
    gem = look.choose("gem", ["facet", "cab", "solitaire", "pearl", "band"])
    sides = int(look.between("sides", 8, 10.99))
    chance = look.chance
    x, y, rx, ry = 200, 238, 84, 88
    back = tube(ellipse(x + 9, y + 1, rx - 3, ry - 2), 13, [mix(tone_, "#3A2408", 0.42) for tone_ in metal], 8)
    wide = 26 if gem == "band" else 15
    front = tube(ellipse(x, y, rx, ry), wide, metal)
    front += specular(canvas, x, y, rx, ry, (188, 236), wide * 0.17, 0.8)
    seat = "".join(tube(f"M{200 + k} 166L{n(200 + k * 1.55)} 128", 6, metal, 7) for k in (-23, 23))
    seat += tube(ellipse(200, 158, 30, 9), 6, metal, 8)
    if gem == "facet":
        top = halo(200, 112, 60, 50, chance) + facets(200, 112, 53, 43, ramp, chance, sides)
        top += "".join(small_ball(200 + kx, 112 + ky, 4.6, metal) for kx in (-38, 38) for ky in (-31, 31))
        top += glint(168, 84, 11)
    elif gem == "solitaire":
        top = facets(200, 118, 44, 40, ramp, chance, sides) + glint(176, 94, 10)
        top += "".join(tube(f"M{200 + kx} {n(118 + ky * 1.3)}L{200 + kx * 0.86} {118 + ky}", 7, metal, 6) for kx, ky in ((-38, 22), (38, 22), (-30, -26), (30, -26)))
    elif gem == "pearl":
        top = tube(ellipse(200, 144, 30, 12), 8, metal, 8) + pearl(canvas, 200, 108, 47, METAL["silver"] if ramp is JADE["ink"] else ("#A79C92", "#D3C9BE", "#EFE9E1", "#FBF8F4", "#FFFFFF"))
    elif gem == "cab":
        top = tube(ellipse(200, 114, 52, 42), 7, metal, 9) + cabochon(canvas, ellipse(200, 112, 48, 38), (152, 74, 96, 76), ramp)
    else:
        return canvas.ground(214, 336, 92, 15, 0.32, 9) + back + front + _inlay(canvas, look, ramp)
    return canvas.ground(214, 334, 92, 15, 0.32, 9) + back + seat + front + moved(top, scale=0.84, about=(200, 150))


def _inlay(canvas: Canvas, look: Look, ramp: Ramp) -> str:
    """Small stones set along the top of a band."""
    parts: list[str] = []
    for step in range(-3, 4):
        angle = -90 + step * 15
        x = 200 + 84 * _cos(angle)
        y = 238 + 88 * _sin(angle)
        parts.append(moved(facets(x, y, 9.5, 10.5, ramp, look.chance, 6), turn=step * 15, about=(x, y)))
    return "".join(parts) + glint(176, 146, 8)


def pendant(canvas: Canvas, look: Look) -> str:
    """A pendant on a chain. Looks: jade, metal, shape (disc, drop, gourd, plaque, heart, pod)."""
    ramp = JADE[look.choose("jade", JADE)]
    metal = METAL[look.choose("metal", METAL, ["gold", "rose", "silver"])]
    shape = look.choose("shape", ["disc", "drop", "gourd", "plaque", "heart", "pod"])
    hang = chain("M84 -120C92 40 162 128 196 150", metal) + chain("M316 -120C308 40 238 128 204 150", metal)
    bail = tube("M200 152L200 186", 13, metal, 9) + line("M196 158L196 180", "#fff", 2, 0.8)
    if shape == "disc":
        return hang + _disc(canvas, look, ramp) + bail
    outline, box = {
        "drop": ("M200 184C216 214 252 244 252 282A52 52 0 0 1 148 282C148 244 184 214 200 184Z", (148, 190, 104, 144)),
        "gourd": ("M200 184C222 184 234 200 230 218C228 228 224 234 228 240C246 250 258 270 256 292C254 322 230 342 200 342C170 342 146 322 144 292C142 270 154 250 172 240C176 234 172 228 170 218C166 200 178 184 200 184Z", (144, 190, 112, 152)),
        "plaque": (rounded(150, 184, 100, 152, 17), (150, 184, 100, 152)),
        "heart": ("M200 214C212 188 262 184 262 232C262 276 222 306 200 330C178 306 138 276 138 232C138 184 188 188 200 214Z", (138, 194, 124, 132)),
        "pod": ("M200 182C224 184 236 202 230 222C226 234 226 240 232 252C238 266 234 280 228 290C222 300 222 306 224 318C226 340 214 352 200 352C186 352 174 340 176 318C178 306 178 300 172 290C166 280 162 266 168 252C174 240 174 234 170 222C164 202 176 184 200 182Z", (164, 184, 72, 166)),
    }[shape]  # fmt: skip
    body = canvas.soft(outline, SHADOW, 0.27, 10, shift=(12, 15)) + cabochon(canvas, outline, box, ramp)
    if shape == "plaque":  # 无事牌: a quiet tablet, only its edge is worked
        body += line(rounded(158, 192, 84, 136, 12), ramp[4], 1.6, 0.55) + line(rounded(159.5, 193.5, 84, 136, 12), ramp[0], 1.2, 0.35)
    if shape == "pod":
        seams = "M176 236Q200 246 224 236M174 300Q200 310 226 300"
        body += line(seams, ramp[0], 2, 0.35) + line(seams, ramp[4], 1.2, 0.6)
    if shape == "gourd":
        body += line("M178 238Q200 248 222 238", ramp[0], 2, 0.3)
    return hang + body + bail


def _disc(canvas: Canvas, look: Look, ramp: Ramp) -> str:
    """平安扣: a convex disc with a hole."""
    y, width = 258, 62
    d = ellipse(200, y, 48, 48)
    mask = canvas.mask(f'<path d="{d}" fill="none" stroke="#fff" stroke-width="{width}"/>')
    inside = veins(canvas, 200, y, 48, 48, width, mix(ramp[0], "#0C5A3C", 0.35), look.chance, 4)
    inside += canvas.soft(arc(204, y + 5, 58, 58, 5, 110), ramp[4], 0.55, 6, width=14)
    return (
        cast(canvas, d, width - 6)
        + tube(d, width, ramp, 30, 0.14)
        + f'<g mask="{mask}">{inside}</g>'
        + specular(canvas, 200, y, 62, 62, (198, 258), 5)
    )


def earrings(canvas: Canvas, look: Look) -> str:
    """A pair of earrings. Looks: jade, metal, style (drop, ball, hoop, tassel)."""
    ramp = JADE[look.choose("jade", JADE, ["green", "icy", "lilac", "honey", "sky", "agate", "hetian"])]
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
        return cast(canvas, d, 14, 0.24, 8) + top + tube(d, 19, ramp, 16) + specular(canvas, x - 1, 231 + y, 48, 54, (195, 255), 2.6) + knot
    if style == "ball":
        links = f"M{x} {166 + y}L{x} {214 + y}"
        shade = canvas.soft(ellipse(x + 11, 262 + y, 36, 36), SHADOW, 0.26, 9)
        cap = fill(f"M{x - 14} {216 + y}Q{x} {200 + y} {x + 14} {216 + y}Q{x} {210 + y} {x - 14} {216 + y}Z", metal[2])
        return shade + top + chain(links, metal, 4.6) + pearl(canvas, x, 248 + y, 37, ramp) + cap + knot
    if style == "bar":
        d = rounded(x - 15, 172 + y, 30, 122, 15)
        shade = canvas.soft(d, SHADOW, 0.27, 9, shift=(10, 13))
        band = tube(f"M{x - 15} {212 + y}L{x + 15} {212 + y}", 6, metal, 6) + tube(f"M{x - 15} {256 + y}L{x + 15} {256 + y}", 6, metal, 6)
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
    jade = look.choose("jade", JADE, ["hetian", "green", "ink", "honey", "agate", "sky", "lilac", "glutinous"])
    accent = look.choose("accent", JADE, ["green", "honey", "agate", "hetian", "icy"])
    count = int(look.between("count", 15, 20.99))
    spacer = look.choose("spacer", ["none", *METAL], ["none", "gold", "silver"])
    rx, ry = 108, 95
    r = 3.02 * rx / count
    body = cast(canvas, ellipse(200, 202, rx, ry), r * 1.5, 0.25)
    for i, x, y in around(200, 200, rx, ry, count):
        if spacer != "none" and i in (1, count - 1):
            body += small_ball(x, y, r * 0.78, METAL[spacer])
        else:
            body += pearl(canvas, x, y, r * 1.24 if i == 0 else r * 1.02, JADE[accent if i == 0 else jade])
    return body


def _cos(degrees: float) -> float:
    from math import cos, radians

    return cos(radians(degrees))


def _sin(degrees: float) -> float:
    from math import radians, sin

    return sin(radians(degrees))
