"""Blind tokens: what sealed data is found by, without saying what it is.

HMAC-SHA256 with the brand's token key over field and normal form, cut to 128 bits and kept as a UUID (an index-friendly type under
row-level security). Equal values of a brand have equal tokens; nothing else can be told from them without the key.
"""

import hashlib
import hmac
import unicodedata
from collections.abc import Iterable
from uuid import UUID

from siyu.kernel.vault.keyring import keyring


def token(brand_id: UUID, field: str, value: str) -> UUID | None:
    """The token of a value; None for nothing. Case, width and outer blanks make no difference."""
    text = " ".join(unicodedata.normalize("NFKC", value).casefold().split())
    if not text:
        return None
    said = field.encode() + b"\0" + text.encode()
    return UUID(bytes=hmac.digest(keyring().token_key(brand_id), said, hashlib.sha256)[:16])


def tokens(brand_id: UUID, field: str, values: Iterable[str]) -> list[UUID | None]:
    """``token`` of many, by position."""
    return [token(brand_id, field, value) for value in values]


def brand_key(brand_id: UUID, purpose: str) -> bytes:
    """A key of the brand's own for what it signs; it goes with the brand into another house."""
    said = b"\0key\0" + purpose.encode()  # no field of a token is empty
    return hmac.digest(keyring().token_key(brand_id), said, hashlib.sha256)
