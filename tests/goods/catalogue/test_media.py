"""Pictures: taken in, made new, served from their own origin."""

import io
import struct
import zlib

import httpx
import pytest
from PIL import Image

from siyu.goods import catalogue
from siyu.goods.catalogue.media.pictures import NotAnImage, TooBig, rendered
from tests.conftest import client_for

from .conftest import picture


def test_a_picture_is_made_new_without_what_it_carried_along():
    exif = Image.Exif()
    exif[0x010F] = "SecretCamera"
    exif[0x0112] = 6  # lies on its side
    made = rendered(picture(1200, 900, exif=exif))

    assert (made.width, made.height) == (600, 800)
    for size, content in made.files.items():
        image = Image.open(io.BytesIO(content))
        assert image.format == "WEBP" and max(image.size) == size
        assert b"SecretCamera" not in content and not image.getexif()
    assert made == rendered(picture(1200, 900, exif=exif))


def test_small_and_transparent_pictures_stay_as_they_are():
    out = io.BytesIO()
    Image.new("RGBA", (50, 40), (0, 90, 60, 0)).save(out, "PNG")
    made = rendered(out.getvalue())
    assert (made.width, made.height) == (50, 40)
    assert Image.open(io.BytesIO(made.files[200])).mode == "RGBA"


def bomb() -> bytes:
    """A PNG of a few kilobytes that says it is 30,000 × 30,000."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\0" * 1_000_000))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        b"%PDF-1.7",
        b"GIF89a",
        picture()[:3000],
        b"<html><img src=x></html>",
    ],
)
def test_what_is_no_picture_is_refused(content):
    with pytest.raises(NotAnImage):
        rendered(content)


def test_pictures_that_unpack_too_far_are_refused_before_they_do():
    with pytest.raises(TooBig):
        rendered(bomb())


async def test_an_uploaded_picture_is_served_for_ever_and_fenced_in(app, console):
    answer = await console.post(
        "/api/console/media", files={"file": ("jade.jpg", picture())}, params={"alt": "玉镯"}
    )
    assert answer.status_code == 201, answer.text
    image = answer.json()
    again = await console.post("/api/console/media", files={"file": ("other.jpg", picture())})
    assert again.json()["id"] == image["id"]
    assert image["alt"] == {"zh-CN": "玉镯"} and image["generated"] is False

    async with client_for(app, "media.localhost") as media:
        served = await media.get(httpx.URL(image["sizes"]["400"]).path)
        assert served.status_code == 200
        assert served.headers["content-type"] == "image/webp"
        assert "immutable" in served.headers["cache-control"]
        assert served.headers["x-content-type-options"] == "nosniff"
        assert "sandbox" in served.headers["content-security-policy"]
        assert max(Image.open(io.BytesIO(served.content)).size) == 400
        for path in (
            "/media/x",
            "/media/" + "0" * 32 + "/" + "0" * 64 + "/400.webp",
            "/media/../etc/passwd",
        ):
            assert (await media.get(path)).status_code == 404
    elsewhere = await console.get(httpx.URL(image["url"]).path)
    assert elsewhere.status_code == 404


async def test_what_is_not_a_picture_is_refused_at_the_door(console):
    svg = await console.post(
        "/api/console/media", files={"file": ("a.png", b"<svg></svg>", "image/png")}
    )
    assert svg.status_code == 422 and svg.json()["code"] == "files.not_an_image"
    big = await console.post("/api/console/media", files={"file": ("a.png", bomb())})
    assert big.status_code == 422 and big.json()["code"] == "files.too_big"
    assert (await console.post("/api/console/media", json={})).status_code == 400


async def test_generated_art_stands_in_until_a_picture_is_fetched(app, console):
    html = '<p><img src="https://elsewhere.example/x.jpg"></p>'
    body = {"title": {"zh-CN": "青瓷杯"}, "skus": [], "description_html": {"zh-CN": html}}
    product = (await console.post("/api/console/products", json=body)).json()
    address = product["description_html"]["zh-CN"].split('src="')[1].split("#")[0]
    assert "/art-" in address

    async with client_for(app, "media.localhost") as media:
        served = await media.get(httpx.URL(address).path)
        assert served.status_code == (200 if catalogue.plugs.artist else 404)
        if served.status_code == 200:
            assert "immutable" not in served.headers["cache-control"]
            assert served.content == (await media.get(httpx.URL(address).path)).content
