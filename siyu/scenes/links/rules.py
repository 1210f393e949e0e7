"""A link's code: ten drawn characters and six that prove we made it. Pure."""

import hashlib
import hmac
from typing import Literal
from uuid import UUID

import msgspec

from siyu.kernel.errors import Refusal

ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
"""Characters that are not mixed up when read out or typed: without 0 O 1 I l."""
DRAWN, PROOF = 10, 6
PURPOSE = "links"
"""Of the brand's key that proves codes; it goes with the brand from house to house, so printed codes stay good."""
SOURCES = (
    "wechat_moments", "wechat_group", "wechat_chat", "wecom", "official_account", "mini_program", "store_code", "guide",
    "sms", "email", "print", "parcel", "live", "partner", "other",
)  # fmt: skip


class BadTarget(Refusal):
    """The thing a link is to lead to does not exist."""

    code = "links.bad_target"
    status = 422
    detail = "Choose a product, category or page that exists."


class BadSource(Refusal):
    """The source is not one of ours."""

    code = "links.bad_source"
    status = 422
    detail = f"Choose one of: {', '.join(SOURCES)}."


class Target(msgspec.Struct, frozen=True):
    """What a link leads to; ``id`` is empty for the home page (``page`` / ``home``)."""

    kind: Literal["none", "product", "category", "page"]
    id: str = ""


def code_of(drawn: bytes, secret: bytes, brand_id: UUID) -> str:
    """The code for drawn bytes: the proof is an HMAC over brand and drawn part, cut to six characters (2^35)."""
    number = int.from_bytes(drawn[:8]) % len(ALPHABET) ** DRAWN
    body = _letters(number, DRAWN)
    return body + _proof(body, secret, brand_id)


def is_code(text: str) -> bool:
    """Whether it looks like a code, whoever made it."""
    return len(text) == DRAWN + PROOF and all(character in ALPHABET for character in text)


def is_genuine(code: str, secret: bytes, brand_id: UUID) -> bool:
    """Whether a code was made for this brand with this key."""
    return is_code(code) and hmac.compare_digest(
        code[DRAWN:], _proof(code[:DRAWN], secret, brand_id)
    )


def shop_path(target: Target) -> str:
    """Where in the shop's app a target lies."""
    match target.kind:
        case "product":
            return f"/pages/product/index?id={target.id}"
        case "category":
            return f"/pages/category/index?id={target.id}"
        case _:
            return "/"


def _proof(body: str, secret: bytes, brand_id: UUID) -> str:
    digest = hmac.new(secret, b"link" + brand_id.bytes + body.encode(), hashlib.sha256).digest()
    return _letters(int.from_bytes(digest[:8]) % len(ALPHABET) ** PROOF, PROOF)


def _letters(number: int, length: int) -> str:
    out = ""
    for _ in range(length):
        number, at = divmod(number, len(ALPHABET))
        out = ALPHABET[at] + out
    return out
