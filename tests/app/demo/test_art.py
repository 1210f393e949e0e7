import asyncio
import io
import re
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageChops, ImageStat

from siyu.app.demo import art
from siyu.app.demo.art import rendering
from siyu.app.demo.drawing import Easels, Wanted

NAMESPACE = "{http://www.w3.org/2000/svg}"
SIMPLE = {
    *("svg", "defs", "g", "rect", "path", "circle", "ellipse", "text", "stop"),
    *("linearGradient", "radialGradient", "mask", "clipPath", "filter", "feGaussianBlur"),
}


def opened(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content)).convert("RGB")


@pytest.mark.parametrize("kind", art.KINDS)
def test_a_seed_always_gives_the_same_picture_and_another_seed_another(kind: str):
    assert art.svg(kind, "ring-1") == art.svg(kind, "ring-1")
    pictures = {art.svg(kind, seed) for seed in range(20)}
    assert len(pictures) == 20


@pytest.mark.parametrize("kind", art.KINDS)
@pytest.mark.parametrize("seed", range(12))
def test_a_picture_uses_only_what_every_renderer_knows(kind: str, seed: int):
    picture = art.svg(kind, seed)
    root = ET.fromstring(picture)
    assert {element.tag.removeprefix(NAMESPACE) for element in root.iter()} <= SIMPLE
    defined = [element.get("id") for element in root.iter() if element.get("id")]
    assert len(set(defined)) == len(defined)
    assert set(re.findall(r"url\(#(\w+)\)", picture)) <= set(defined)
    assert "nan" not in picture and "inf" not in picture
    assert len(picture) < 120_000


def test_two_pictures_can_stand_in_one_page():
    first, second = (set(re.findall(r' id="(\w+)"', art.svg("bangle", seed))) for seed in (1, 2))
    assert first and not first & second


@pytest.mark.parametrize(
    ("kind", "look"),
    [
        ("bangle", {"jade": "icy", "tint": "green", "cut": "oval", "turn": 10, "width": 40, "stage": "mist"}),
        ("ring", {"jade": "green", "metal": "gold", "gem": "facet", "stage": "none"}),
        ("pendant", {"shape": "leaf", "metal": "rose"}),
        ("earrings", {"style": "hoop"}),
        ("gold_bangle", {"style": "engraved", "metal": "fine"}),
        ("necklace", {"shape": "lock"}),
        ("gold_bar", {"grams": "20 g", "style": "stack"}),
        ("strand", {"pearl": "dark", "style": "double"}),
        ("tin", {"color": "cinnabar", "label": "岩茶", "sub": "武夷正岩", "height": 160, "paper": "band"}),
        ("cake", {"label": "寿眉", "style": "open", "wrapper": "kraft"}),
        ("teapot", {"clay": "celadon", "shape": "pear"}),
        ("box", {"style": "band", "label": "茶礼"}),
        ("card", {"label": "<刻 & 字>"}),
    ],
)  # fmt: skip
def test_what_is_asked_for_is_drawn(kind: str, look: dict[str, str | float]):
    ET.fromstring(art.svg(kind, 1, **look))


def test_asking_for_one_thing_leaves_the_others_as_they_were():
    chosen = next(
        look for look in ("xuan", "celadon") if art.svg("cup", 1, stage=look) != art.svg("cup", 1)
    )
    strip = re.compile(r"a[0-9a-f]{8}_\d+|<rect[^>]*>|<defs>.*</defs>", re.DOTALL)
    assert strip.sub("", art.svg("cup", 1, stage=chosen)) == strip.sub("", art.svg("cup", 1))


@pytest.mark.parametrize(
    ("kind", "look"),
    [
        ("crown", {}),
        ("ring", {"jade": "plastic"}),
        ("ring", {"colour": "red"}),
        ("tin", {"stage": "moon"}),
    ],
)
def test_what_does_not_exist_cannot_be_asked_for(kind: str, look: dict[str, str]):
    with pytest.raises(ValueError, match="known"):
        art.svg(kind, 1, **look)


@pytest.mark.parametrize("kind", art.KINDS)
def test_a_rendered_picture_shows_something_in_its_middle_on_a_light_ground(kind: str):
    picture = opened(art.webp(art.svg(kind, "sample"), 120))
    assert picture.size == (120, 120)
    corner = picture.getpixel((3, 116))
    assert isinstance(corner, tuple) and min(corner) > 170
    darkest, lightest = picture.convert("L").getextrema()
    assert lightest - darkest > 60  # pyright: ignore[reportOperatorIssue]


def test_a_product_picture_is_800_pixels_wide_and_small_enough_for_a_phone():
    content = art.webp(art.svg("bangle", "icy", jade="icy"))
    assert opened(content).size == (800, 800)
    assert len(content) < 60_000


def test_without_a_chinese_font_labels_are_left_out_and_the_rest_stays(
    monkeypatch: pytest.MonkeyPatch,
):
    svg = art.svg("tin", 3)
    assert "<text" in svg
    monkeypatch.setattr(rendering, "song_font", lambda: None)
    plain = opened(art.webp(svg, 200))
    bare = opened(art.webp(re.sub(r"<text.*?</text>", "", svg), 200))
    assert plain.tobytes() == bare.tobytes()


@settings(max_examples=50, deadline=None)
@given(seed=st.text(max_size=20), title=st.text(max_size=20))
def test_every_product_without_a_picture_gets_one_with_its_first_character(seed: str, title: str):
    root = ET.fromstring(art.brand_art(seed, title))
    shown = "".join(element.text or "" for element in root.iter(f"{NAMESPACE}text"))
    first = next((character for character in title if character.isalnum()), "")
    assert shown == first.upper()[:1]


def test_the_catalogues_stand_in_pictures_are_drawn_here():
    assert art.draw("p-1", "冰种手镯") == art.draw("p-1", "冰种手镯")
    assert opened(art.draw("p-1", "冰种手镯")).size == (800, 800)


@pytest.mark.parametrize("kind", ["cup", "coin", "bangle"])
def test_the_quick_way_draws_what_the_slow_way_draws(kind: str):
    """The paper is rendered small and enlarged: no pixel may differ by more than the eye could ever see."""
    quick = opened(art.picture(kind, 7))
    slow = opened(rendering.webp(art.svg(kind, 7), quality=100))
    assert quick.size == slow.size == (800, 800)
    difference = ImageChops.difference(quick, slow).convert("L")
    assert ImageStat.Stat(difference).mean[0] < 1.5
    assert sum(difference.histogram()[24:]) < 800 * 800 // 200


async def test_a_picture_drawn_beside_the_program_is_the_same_and_a_dead_easel_is_told():
    wanted = [Wanted("cup", str(seed), {"stage": "xuan"}) for seed in range(3)]
    async with Easels(2) as easels:
        drawn = await asyncio.gather(*(easels.draw(one) for one in wanted))
        assert drawn[0] == art.picture("cup", "0", stage="xuan")
        assert len(set(drawn)) == 3
        for easel in easels._all:
            easel.kill()
        with pytest.raises((EOFError, OSError)):
            await easels.draw(wanted[0])
    assert all(easel.returncode is not None for easel in easels._all)
