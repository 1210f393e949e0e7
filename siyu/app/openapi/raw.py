"""What the raw doors do, in the framework's words: these handlers are only read, the doors themselves answer.

A test holds them against the table of hot paths, the tracking door's kinds and the mounted apps.
"""

from typing import Annotated, Any

from litestar import get, post
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, JSONBody, PathParameter
from litestar.response import Response
from msgspec import Struct

from siyu.insight.tracking import rules

_NOT_READ = "described only: the raw door answers"


class Kept(Struct):
    """The messages are on disk."""

    success: bool


class TrackSingleIn(rules.Message):
    """One message on its own, as Segment's clients send it; ``type`` follows from the address."""

    sentAt: str | None = None
    writeKey: str | None = None


def _single(kind: str) -> Any:
    async def one(data: JSONBody[TrackSingleIn]) -> Kept:
        raise AssertionError(_NOT_READ)

    one.__doc__ = (
        f"Keep one `{kind}` message, up to 32 KB, in Segment's form. Refusals: tracking.malformed, "
        "tracking.bad_write_key."
    )
    return post(f"/v1/{kind}", tags=["tracking"], status_code=200, name=f"track_{kind}")(one)


def _many(kind: str) -> Any:
    async def many(data: JSONBody[rules.Batch]) -> Kept:
        raise AssertionError(_NOT_READ)

    many.__doc__ = (
        "Keep a batch of messages, up to 512 KB (gzip allowed), in Segment's form. Unknown members are ignored, "
        "and only declared properties are kept. Refusals: tracking.malformed, tracking.bad_write_key."
    )
    return post(f"/v1/{kind}", tags=["tracking"], status_code=200, name=f"track_{kind}")(many)


@get(
    "/l/{code:str}",
    tags=["links"],
    name="open_link",
    status_code=302,
    responses={302: ResponseSpec(None, description="On to the shop.", generate_examples=False)},
)
async def open_link(code: FromPath[str]) -> Response[None]:
    """Follow a short link: notes the visit and sends the shopper on. A code that is not ours leads to the shop's home."""
    raise AssertionError(_NOT_READ)


@get(
    "/media/{brand:str}/{picture:str}/{size:str}",
    tags=["media"],
    name="picture",
    media_type="image/webp",
)
async def picture(
    brand: Annotated[str, PathParameter(pattern="^[0-9a-f]{32}$")],
    picture: Annotated[str, PathParameter(pattern="^([0-9a-f]{64}|art-[0-9a-f]{32})$")],
    size: Annotated[str, PathParameter(pattern=r"^(200|400|800)\.webp$")],
) -> Response[bytes]:
    """A picture on the media origin; its bytes never change. Addresses come with every `ImageOut`."""
    raise AssertionError(_NOT_READ)


handlers: list[Any] = [
    *(_many(kind) for kind in rules.MANY),
    *(_single(kind) for kind in sorted(rules.TYPES)),
    open_link,
    picture,
]
