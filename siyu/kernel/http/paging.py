"""Keyset paging: a cursor is the sort key of the last row seen, so pages stay fast and never skip."""

import base64
import binascii
from datetime import UTC, datetime
from typing import Any

import msgspec

from siyu.kernel.errors import Refusal


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
