"""What lists share. Keyset paging: a cursor is the sort key of the last row seen, so pages stay fast and never skip.

Words that people are searched by come in a header: addresses of requests stand in the logs of whatever lies before us.
"""

import base64
import binascii
from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import unquote

import msgspec
from litestar.params import HeaderParameter

from siyu.kernel.errors import Invalid, Refusal

LONGEST_SEARCH = 100
SearchHeader = Annotated[
    str,
    HeaderParameter(
        name="X-Search",
        max_length=LONGEST_SEARCH * 12,
        description="What is searched for: UTF-8, percent-encoded, at most 100 characters.",
    ),
]
"""Of lists of people and their orders: names and phones belong into no address."""


class BadCursor(Refusal):
    """The cursor was not made by this list."""

    code = "http.bad_cursor"
    status = 400
    detail = "The cursor is not one of this list. Start again without it."


def encode_cursor(key: tuple[Any, ...]) -> str:
    """A sort key (text, int, datetime, UUID) as opaque URL-safe text."""
    return base64.urlsafe_b64encode(msgspec.json.encode(key)).decode().rstrip("=")


def decode_cursor(cursor: str | None, *types: Any) -> tuple[Any, ...] | None:
    """The sort key back, checked against ``types``; ``None`` for the first page. Raises ``BadCursor``."""
    if not cursor:
        return None
    try:
        raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        key: tuple[Any, ...] = msgspec.json.decode(raw, type=tuple[types])  # type: ignore[valid-type]
        # A moment at the edge of the calendar in another zone is none in ours.
        return tuple(one.astimezone(UTC) if isinstance(one, datetime) else one for one in key)
    except (ValueError, OverflowError, binascii.Error, msgspec.MsgspecError):
        raise BadCursor from None


def sought(header: str) -> str:
    """What a ``SearchHeader`` says. Raises ``Invalid`` for more than 100 characters and for what is no text."""
    try:
        words = unquote(header, errors="strict").strip()
    except UnicodeDecodeError:
        words = "\0"
    if len(words) > LONGEST_SEARCH or "\0" in words:
        raise Invalid(errors=[{"path": "X-Search", "message": "At most 100 characters of text, percent-encoded."}])  # fmt: skip
    return words
