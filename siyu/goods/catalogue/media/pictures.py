"""From bytes that somebody sent to pictures that we made ourselves. Pure; slow enough to run in a thread."""

import hashlib
import io
import warnings
from typing import Any, ClassVar

import msgspec
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from siyu.kernel.errors import Refusal

SIZES = (200, 400, 800)
MAX_BYTES = 20_000_000
MAX_PIXELS = 50_000_000
MAX_EDGE = 20_000
_FORMATS = ("JPEG", "PNG", "WEBP", "GIF")
_QUALITY = 82
_SRGB: Any = ImageCms.createProfile("sRGB")  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]


class NotAnImage(Refusal):
    """The bytes are not a JPEG, PNG, WebP or GIF that can be read."""

    code = "files.not_an_image"
    status: ClassVar[int] = 422
    detail = "Use a JPEG, PNG, WebP or GIF picture."


class TooBig(Refusal):
    """The file or its picture is larger than allowed; ``facts``: max_bytes or max_pixels."""

    code = "files.too_big"
    status: ClassVar[int] = 422
    detail = "The picture is too large. Make it smaller and try again."


class Picture(msgspec.Struct, frozen=True):
    """A picture made new: its name (SHA-256 of the largest size), its bounds, and WebP bytes by size."""

    hash: str
    width: int
    height: int
    files: dict[int, bytes]


def rendered(content: bytes) -> Picture:
    """Read a picture and make it new: upright, in sRGB, without any metadata, in three sizes of WebP.

    The kind is told by the content, never by a name; the size is checked before anything is unpacked.
    Raises ``NotAnImage`` and ``TooBig``.
    """
    if len(content) > MAX_BYTES:
        raise TooBig(max_bytes=MAX_BYTES)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore", Image.DecompressionBombWarning
            )  # our own bound is lower
            opened = Image.open(io.BytesIO(content), formats=_FORMATS)
        if opened.width * opened.height > MAX_PIXELS or max(opened.size) > MAX_EDGE:
            raise TooBig(max_pixels=MAX_PIXELS)
        opened.draft("RGB", (SIZES[-1], SIZES[-1]))  # lets JPEG unpack to a fraction of its size
        opened.load()
        image = _in_srgb(ImageOps.exif_transpose(opened))
    except Image.DecompressionBombError:
        raise TooBig(max_pixels=MAX_PIXELS) from None
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, EOFError):
        raise NotAnImage from None
    files: dict[int, bytes] = {}
    image.thumbnail((SIZES[-1], SIZES[-1]), Image.Resampling.LANCZOS)
    width, height = image.size
    for size in reversed(SIZES):
        image.thumbnail((size, size), Image.Resampling.LANCZOS)
        out = io.BytesIO()
        image.save(out, "WEBP", quality=_QUALITY, method=4, exif=b"", icc_profile=b"", xmp=b"")
        files[size] = out.getvalue()
    return Picture(hashlib.sha256(files[SIZES[-1]]).hexdigest(), width, height, files)


def _in_srgb(image: Image.Image) -> Image.Image:
    """The same colours as plain sRGB, with transparency where there is some."""
    profile = image.info.get("icc_profile")
    mode = "RGBA" if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info else "RGB"
    if profile and image.mode in ("RGB", "RGBA", "CMYK", "L"):
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            converted = ImageCms.profileToProfile(image, source, _SRGB, outputMode=mode)
        except (ImageCms.PyCMSError, OSError):
            converted = None  # a broken profile says nothing about the colours
        if converted is not None:
            return converted
    return image.convert(mode)
