"""From a Segment message to what may be kept: declared properties only, no addresses, no query strings. Pure."""

import hashlib
import hmac
import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from urllib.parse import urlsplit
from uuid import UUID

import msgspec

from siyu.kernel.errors import Refusal

TYPES = frozenset({"track", "page", "screen", "identify", "group", "alias"})
_USUAL = re.compile("[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
MANY = ("batch", "import")
"""Addresses that take several messages at once."""
DECLARED = frozenset(
    {"product_id", "sku_id", "sku", "category_id", "category", "quantity", "price_minor", "value_minor", "price", "value",
     "revenue", "total", "currency", "order_id", "cart_id", "position", "list", "list_id", "block", "page", "results",
     "delivery", "source", "scene", "store_id", "link", "variant", "coupon", "step", "method"}
)  # fmt: skip
"""Property names that are kept; everything else is dropped, so that nobody can slip personal data in."""
MAX_EVENT_BYTES = 32 * 1024
MAX_BATCH_BYTES = 512 * 1024
MAX_TEXT = 120
OLDEST = timedelta(days=730)


class Malformed(Refusal):
    """Not a message of this protocol; clients do not send it again."""

    code = "tracking.malformed"
    status = 400
    detail = "This is not a Segment message. See the API reference for the form."


class BadWriteKey(Refusal):
    """No brand has this write key; clients stop sending."""

    code = "tracking.bad_write_key"
    status = 401
    detail = "The write key is not known here. The console shows the brand's keys under settings."


class Message(msgspec.Struct):
    """One message as clients send it; unknown members are ignored."""

    type: str = ""
    messageId: str | None = None
    timestamp: str | None = None
    originalTimestamp: str | None = None
    anonymousId: str | int | None = None
    userId: str | int | None = None
    event: str | None = None
    name: str | None = None
    properties: dict[str, Any] | None = None
    context: dict[str, Any] | None = None


class Batch(msgspec.Struct):
    """A batch as clients send it."""

    batch: list[Message]
    sentAt: str | None = None
    writeKey: str | None = None


class Kept(msgspec.Struct, array_like=True, frozen=True):
    """One act of a visitor, as it is spooled and as the warehouse gets it."""

    message_id: str
    type: str
    name: str
    at_ms: int
    visitor: str
    customer_id: str
    source: str
    scene: str
    link: str
    store_id: str
    product_id: str
    sku_id: str
    quantity: int
    value_minor: int
    path: str
    properties: dict[str, Any]


def kept(
    message: Message,
    *,
    fallback_type: str,
    fallback_id: str,
    received: datetime,
    sent_at: datetime | None,
    secret: bytes,
) -> Kept:
    """What of a message is kept; ``secret`` is the brand's, for ids that may be somebody's phone. Raises ``Malformed`` for a type that does not exist or nobody who acted."""
    kind = message.type or fallback_type
    if kind not in TYPES:
        raise Malformed(
            f"The type {kind[:40]!r} does not exist; use one of {', '.join(sorted(TYPES))}."
        )
    visitor, customer = (_identity(one, secret) for one in (message.anonymousId, message.userId))
    if not visitor and not customer:
        raise Malformed("A message needs anonymousId or userId.")
    properties = declared(message.properties)
    context = message.context or {}
    campaign = _mapping(context.get("campaign"))
    return Kept(
        message_id=(message.messageId or fallback_id)[:100],
        type=kind,
        name=(message.event or message.name or "")[:MAX_TEXT],
        at_ms=int(
            moment(message.timestamp or message.originalTimestamp, sent_at, received).timestamp()
            * 1000
        ),
        visitor=visitor or customer,
        customer_id=customer if _uuid(customer) else "",
        source=_text(properties.get("source") or campaign.get("source")),
        scene=_text(properties.get("scene") or campaign.get("medium")),
        link=_text(properties.get("link") or context.get("link")),
        store_id=_uuid(properties.get("store_id")),
        product_id=_uuid(properties.get("product_id")),
        sku_id=_uuid(properties.get("sku_id")),
        quantity=_number(properties.get("quantity")),
        value_minor=_number(properties.get("value_minor")),
        path=path_only(
            _mapping(context.get("page")).get("url") or _mapping(context.get("page")).get("path")
        ),
        properties=properties,
    )


def declared(properties: Mapping[str, Any] | None) -> dict[str, Any]:
    """The declared properties with plain values; texts cut at ``MAX_TEXT``."""
    out: dict[str, Any] = {}
    for name, value in (properties or {}).items():
        if name in DECLARED and isinstance(value, str | int | float | bool):
            out[name] = value[:MAX_TEXT] if isinstance(value, str) else value
    return out


def moment(stamped: str | None, sent_at: datetime | None, received: datetime) -> datetime:
    """When it happened by our clock: received − (sent − stamped), as Segment corrects a client's clock.

    Never in the future, never more than two years back; a stamp that cannot be read counts as now.
    """
    at = instant(stamped)
    if at is None:
        return received
    ago = (sent_at or received) - at
    return received - max(timedelta(0), min(ago, OLDEST))


def instant(text: str | None) -> datetime | None:
    """An ISO 8601 instant, UTC when it names no zone; ``None`` when it cannot be read."""
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    try:
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except OverflowError:
        return None


def path_only(url: Any) -> str:
    """The path of an address: host, query and fragment are dropped."""
    if not isinstance(url, str):
        return ""
    try:
        return urlsplit(url).path[:MAX_TEXT]
    except ValueError:
        return ""


def _identity(value: str | int | None, secret: bytes) -> str:
    """An id as it may be kept: a UUID as it is, what may be a name, phone or address as a hash with the brand's secret.

    Without a secret every phone number could be tried within minutes.
    """
    text = "" if value is None else str(value).strip()
    if not text:
        return ""
    if known := _uuid(text):
        return known
    said = text.encode("utf-8", "surrogatepass")
    return "h" + hmac.digest(secret, said, hashlib.sha256).hex()[:31]


def _uuid(value: Any) -> str:
    """A UUID in its usual writing, else empty; six a message, so the usual writing is taken as it is."""
    if not isinstance(value, str) or not 32 <= len(value) <= 36:
        return ""
    if _USUAL.fullmatch(value):
        return value
    try:
        return str(UUID(value))
    except ValueError:
        return ""


def _text(value: Any) -> str:
    return value[:40] if isinstance(value, str) else ""


def _number(value: Any) -> int:
    whole = (
        int(value)
        if isinstance(value, int | float) and math.isfinite(value) and abs(value) < 1e15
        else 0
    )
    return max(-(2**53), min(whole, 2**53))


def _mapping(value: Any) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", value) if isinstance(value, dict) else {}
