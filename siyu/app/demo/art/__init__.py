"""Product pictures of the demo brand: parametric, pure and seeded. Same seed, same picture.

One key light from the upper left, one warm shadow to the lower right, a paper stage. What is not
said of a picture is chosen by its seed, so a seed (a product's handle) alone is enough.
"""

from collections.abc import Callable, Mapping
from hashlib import blake2b
from typing import Final

from siyu.app.demo.art import gifts, gold, jade, tea, teaware
from siyu.app.demo.art.canvas import SIZE, Canvas, Look, fill, n, polygon
from siyu.app.demo.art.palette import STAGE, mix
from siyu.app.demo.art.rendering import png_on_paper, song_font, webp

KINDS: Final[dict[str, Callable[[Canvas, Look], str]]] = {
    "bangle": jade.bangle,
    "ring": jade.ring,
    "pendant": jade.pendant,
    "earrings": jade.earrings,
    "beads": jade.beads,
    "gold_bangle": gold.gold_bangle,
    "gold_ring": gold.gold_ring,
    "bracelet": gold.bracelet,
    "necklace": gold.necklace,
    "gold_bar": gold.gold_bar,
    "coin": gold.coin,
    "strand": jade.strand,
    "studs": jade.studs,
    "tin": tea.tin,
    "cake": tea.cake,
    "cup": teaware.cup,
    "gaiwan": teaware.gaiwan,
    "teapot": teaware.teapot,
    "caddy": teaware.caddy,
    "box": gifts.box,
    "card": gifts.card,
    "keepsake": gifts.keepsake,
}


def svg(kind: str, seed: int | str, **look: str | float) -> str:
    """A picture of 400 × 400 units. ``kind`` is a key of ``KINDS``, whose functions name their looks.

    Every kind knows ``stage``: xuan, celadon, lotus, mist, or "none" for a transparent ground.
    Raises ``ValueError`` for a kind, look or value that does not exist.
    """
    canvas, ground, body = _drawn(kind, seed, look)
    return _sheet(canvas, ground + body)


def picture(kind: str, seed: int | str, **look: str | float) -> bytes:
    """What ``svg`` draws, as a PNG of 800 pixels, in three quarters of the time.

    The paper is nothing but slow gradients, so it is rendered small and enlarged under the thing.
    """
    canvas, ground, body = _drawn(kind, seed, look)
    return png_on_paper(_sheet(canvas, ground), _sheet(canvas, body))


def _drawn(kind: str, seed: int | str, look: Mapping[str, str | float]) -> tuple[Canvas, str, str]:
    """The definitions, the paper and the thing."""
    if kind not in KINDS:
        raise ValueError(f"{kind!r}; known: {', '.join(KINDS)}")
    name = f"{kind}:{seed}:{sorted(look.items())}"
    canvas = Canvas("a" + blake2b(name.encode(), digest_size=4).hexdigest() + "_")
    wanted = Look(f"{kind}:{seed}", look)
    ground = _stage(canvas, wanted)
    body = KINDS[kind](canvas, wanted)
    wanted.check_all_used()
    return canvas, ground, body


def _sheet(canvas: Canvas, content: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {SIZE} {SIZE}" role="img">'
        f"<defs>{''.join(canvas.definitions)}</defs>{content}</svg>"
    )


def brand_art(seed: str, title: str) -> str:
    """A quiet picture for a product that has none: a soft form on paper, and its first character."""
    first = next((character for character in title if character.isalnum()), "")
    return svg("keepsake", seed, label=first.upper())


def draw(seed: str, label: str) -> bytes:
    """``brand_art`` as a WebP of 800 pixels: this module is an artist the catalogue can plug in."""
    return webp(brand_art(seed, label))


def _stage(canvas: Canvas, look: Look) -> str:
    """The paper, lit from the upper left, sometimes through a window."""
    name = look.choose("stage", ["none", *STAGE], list(STAGE))
    x, window = look.chance.uniform(0.24, 0.4), look.chance.random()
    shift = look.chance.uniform(-60, 60)
    if name == "none":
        return ""
    near, far = STAGE[name]
    light = canvas.linear(
        [(0, near, 1), (0.35, mix(near, far, 0.12), 1), (1, far, 1)],
        x1=round(x - 0.1, 2),
        y1=0.1,
        x2=0.95,
        y2=1,
    )
    ground = f'<rect width="{SIZE}" height="{SIZE}" fill="{light}"/>'
    if window < 0.45:
        for left, width in ((30, 90), (116, 74)):
            ground += _beam(canvas, left + shift, width)
    return ground


def _beam(canvas: Canvas, left: float, width: float) -> str:
    """A slanting band of light with soft edges."""
    slope = 0.41  # across per down
    run = width / (1 + slope * slope)
    light = canvas.linear(
        [(0, "#fff", 0), (0.25, "#fff", 0.17), (0.5, "#fff", 0.34), (0.75, "#fff", 0.17), (1, "#fff", 0)],
        gradientUnits="userSpaceOnUse", x1=n(left), y1=0, x2=n(left + run), y2=n(-slope * run),
    )  # fmt: skip
    corners = [(left, 0), (left + width, 0), (left + width + 164, 400), (left + 164, 400)]
    return fill(polygon(corners), light)


__all__ = ["KINDS", "brand_art", "draw", "picture", "song_font", "svg", "webp"]
