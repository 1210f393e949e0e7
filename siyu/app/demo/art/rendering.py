"""From SVG to WebP."""

import io
import re
from functools import cache
from pathlib import Path
from typing import Final

import resvg_py
from PIL import Image

_FOLDERS: Final = (
    Path("/usr/share/fonts"),
    Path("/usr/local/share/fonts"),
    Path.home() / ".local/share/fonts",
    Path.home() / ".fonts",
    Path("/System/Library/Fonts"),
    Path("/Library/Fonts"),
    Path("C:/Windows/Fonts"),
)
_SONG_FILES: Final = (
    *("NotoSerifCJK-Bold", "NotoSerifCJKsc-Bold", "NotoSerifSC", "NotoSerifCJK", "SourceHanSerif"),
    *("Songti", "simsun", "NotoSansCJK-Regular", "NotoSansSC", "SourceHanSans", "PingFang"),
    *("STHeiti", "msyh", "wqy-zenhei", "wqy-microhei", "DroidSansFallback"),
)
_TEXT = re.compile(r"<text .*?</text>", re.DOTALL)


def webp(svg: str, size: int = 800, *, quality: int = 84) -> bytes:
    """The picture as a square WebP of ``size`` pixels.

    Chinese letters are set in a font of this machine; without one they are left out, and what
    remains (paper, waves, seal) stands by itself.
    """
    packed = io.BytesIO()
    _rendered(svg, size).convert("RGB").save(packed, "WEBP", quality=quality, method=2)
    return packed.getvalue()


def png_on_paper(paper: str, thing: str, size: int = 800) -> bytes:
    """A thing on its paper, as a square PNG of ``size`` pixels. The paper has no edges, so an eighth of the size is enough of it."""
    sheet = _rendered(paper, size // 8).convert("RGB")
    sheet = sheet.resize((size, size), Image.Resampling.BICUBIC)
    drawn = _rendered(thing, size)
    sheet.paste(drawn, mask=drawn)
    packed = io.BytesIO()
    sheet.save(packed, "PNG", compress_level=1)
    return packed.getvalue()


def _rendered(svg: str, size: int) -> Image.Image:
    font = song_font()
    if font is None or "<text" not in svg:
        svg, files = _TEXT.sub("", svg), []
    else:
        files = [str(font)]
    png = resvg_py.svg_to_bytes(
        svg_string=svg, width=size, height=size, skip_system_fonts=True, font_files=files
    )
    return Image.open(io.BytesIO(png)).convert("RGBA")


@cache
def song_font() -> Path | None:
    """A font file with Chinese characters on this machine, Song type before others."""
    present: dict[str, Path] = {}
    for folder in _FOLDERS:
        if folder.is_dir():
            for path in sorted(folder.rglob("*")):
                if path.suffix.lower() in {".ttf", ".otf", ".ttc"}:
                    present.setdefault(path.name.lower(), path)
    for wanted in _SONG_FILES:
        for name, path in present.items():
            if name.startswith(wanted.lower()):
                return path
    return None
