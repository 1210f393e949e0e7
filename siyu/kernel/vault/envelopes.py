"""A person's key, and what it seals: AES-256-GCM (NIST SP 800-38D) with a random nonce of 96 bits.

Wrapped key: ``nonce (12) · AES-GCM(month's key, person's key)`` bound to brand and person.
Sealed value: ``1 · nonce (12) · AES-GCM(person's key, JSON)`` bound to brand, person and field, so that a value put
into another row or column does not open.
Sealed words in a column of text: ``sealed:`` and the sealed value in base64url, or nothing when there was no key left.
"""

import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any, TypeVar
from uuid import UUID

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from siyu.kernel.errors import Refusal

_T = TypeVar("_T")
_NONCE, _VERSION, _SEALED = 12, b"\x01", "sealed:"


class Unopenable(Refusal):
    """Sealed data does not open with its person's key: it was changed, moved, or the wrong key lies in the folder."""

    code = "vault.unopenable"
    status = 500
    detail = "Personal data cannot be opened: it was changed outside siyu, or the folder of keys is not the right one."


class PersonKey:
    """What opens and seals one person's data."""

    __slots__ = ("_about", "_cipher", "_raw", "person_id")

    def __init__(self, brand_id: UUID, person_id: UUID, raw: bytes) -> None:
        self.person_id = person_id
        self._about = brand_id.bytes + person_id.bytes
        self._raw = raw
        self._cipher = AESGCM(raw)

    @classmethod
    def new(cls, brand_id: UUID, person_id: UUID) -> "PersonKey":
        """A fresh key."""
        return cls(brand_id, person_id, os.urandom(32))

    @classmethod
    def unwrap(cls, brand_id: UUID, person_id: UUID, wrapped: bytes, by: AESGCM) -> "PersonKey":
        """The key in a wrapping. Raises ``Unopenable``."""
        about = b"key" + brand_id.bytes + person_id.bytes
        return cls(brand_id, person_id, _opened(by, wrapped, about))

    def bare(self) -> bytes:
        """The key itself, 32 bytes; it may leave the process only inside something sealed."""
        return self._raw

    def wrap(self, by: AESGCM) -> bytes:
        """The key itself, for whoever has the month's; 60 bytes."""
        nonce = os.urandom(_NONCE)
        return nonce + by.encrypt(nonce, self._raw, b"key" + self._about)

    def seal(self, field: str, value: Any) -> bytes:
        """A value (anything msgspec encodes) as only this key opens it, and only as this field."""
        nonce = os.urandom(_NONCE)
        sealed = self._cipher.encrypt(
            nonce, msgspec.json.encode(value), self._about + field.encode()
        )
        return _VERSION + nonce + sealed

    def open(self, field: str, sealed: bytes, kind: type[_T]) -> _T:
        """What ``seal`` was given. Raises ``Unopenable``."""
        if sealed[:1] != _VERSION:
            raise Unopenable
        plain = _opened(self._cipher, sealed[1:], self._about + field.encode())
        return msgspec.json.decode(plain, type=kind)


def seal_text(key: PersonKey | None, field: str, text: str) -> str:
    """Words as a column of text keeps them: only this key opens them, only as this field; empty ones stay empty.

    Without a key (the person was forgotten) the words are not kept, only that there were some.
    """
    if not text:
        return ""
    return _SEALED + (urlsafe_b64encode(key.seal(field, text)).decode() if key else "")


def is_sealed(text: str) -> bool:
    """Whether a column of text holds what ``seal_text`` made."""
    return text.startswith(_SEALED)


def open_text(key: PersonKey | None, field: str, text: str) -> str | None:
    """What ``seal_text`` was given; None when nobody can read it any more. Codes and words in clear come as they are.

    Raises ``Unopenable``.
    """
    if not is_sealed(text):
        return text
    if key is None or text == _SEALED:
        return None
    try:
        sealed = urlsafe_b64decode(text.removeprefix(_SEALED))
    except ValueError:
        raise Unopenable from None
    return key.open(field, sealed, str)


def _opened(cipher: AESGCM, sealed: bytes, about: bytes) -> bytes:
    try:
        return cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], about)
    except (InvalidTag, ValueError):
        raise Unopenable from None
