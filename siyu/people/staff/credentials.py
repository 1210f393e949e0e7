"""Passwords, session tokens and CSRF tokens, for staff and for shoppers alike."""

import asyncio
import hashlib
import hmac
import os
import secrets
from concurrent.futures import ThreadPoolExecutor
from functools import cache, lru_cache
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from siyu.kernel.errors import Refusal
from siyu.kernel.http import headers_of
from siyu.kernel.ids import own_id

_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
# argon2id with RFC 9106's second recommended option (3 passes, 64 MiB); two threads, so that many sign-ins at
# once cannot take all memory. The suite hashes cheaply; what is made so can still be read everywhere.
_hasher = (
    PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1)
    if os.environ.get("SIYU_TEST_FAST_HASH") == "1"
    else PasswordHasher(time_cost=3, memory_cost=65_536, parallelism=4)
)
_threads = ThreadPoolExecutor(2, "siyu-password")


class ForeignOrigin(Refusal):
    """A browser sent the request on behalf of another site."""

    code = "http.foreign_origin"
    status = 403
    detail = "This request came from another site."


class CsrfFailed(Refusal):
    """The header that proves that our own page sent the request is missing or wrong."""

    code = "http.csrf_failed"
    status = 403
    detail = (
        "Send the session's csrf_token in the header X-CSRF-Token; reload the page if it is old."
    )


def random_password() -> str:
    """Four groups of four letters and digits that cannot be mistaken for each other: 79 bits."""
    return "-".join("".join(secrets.choice(_LETTERS) for _ in range(4)) for _ in range(4))


async def hash_password(password: str) -> str:
    """The password's argon2id hash, made off the event loop."""
    return await asyncio.get_running_loop().run_in_executor(_threads, _hasher.hash, password)


@cache
def _nobodys_hash() -> str:
    return _hasher.hash(secrets.token_urlsafe(16))


def _verify(kept: str | None, password: str) -> bool:
    try:
        return _hasher.verify(kept or _nobodys_hash(), password) and kept is not None
    except (VerificationError, InvalidHashError):
        return False


async def is_password(kept: str | None, password: str) -> bool:
    """Whether the password fits the hash; for nobody (``None``) it takes the same time and is never right."""
    return await asyncio.get_running_loop().run_in_executor(_threads, _verify, kept, password)


def new_token(brand_id: UUID) -> str:
    """A session token: the brand it is for, and 256 random bits."""
    return f"{brand_id.hex}.{secrets.token_urlsafe(32)}"


def brand_of_token(token: str | None) -> UUID | None:
    """The brand a token claims to be for; ``None`` when it is no token."""
    if not token or len(token) != 76 or token[32] != ".":
        return None
    return _brand_in(token[:32])


@lru_cache(maxsize=4096)
def _brand_in(digits: str) -> UUID | None:
    """Every request names its brand, and there are few of them: reading the digits takes longer than finding them."""
    try:
        return own_id(UUID(hex=digits))
    except ValueError:
        return None


def hash_of(token: str) -> str:
    """What is kept of a token: its SHA-256, hexadecimal."""
    return hashlib.sha256(token.encode()).hexdigest()


def csrf_token(secret: bytes, token: str) -> str:
    """The CSRF token of a session: HMAC-SHA256 of its token's hash under the installation's secret."""
    return hmac.new(secret, b"csrf/" + hash_of(token).encode(), hashlib.sha256).hexdigest()


def keyed_hash(secret: bytes, purpose: str, value: str) -> str:
    """A value made unreadable but comparable (HMAC-SHA256, hexadecimal)."""
    return hmac.new(secret, f"{purpose}/{value}".encode(), hashlib.sha256).hexdigest()


def device_cookie(secret: bytes, login: str) -> str:
    """The name of the cookie that holds a browser's mark for a login."""
    return f"siyu_device_{keyed_hash(secret, 'device_cookie', login.strip().lower())[:16]}"


def device_mark(secret: bytes, login: str) -> str:
    """A fresh mark for a browser that signed in under this login: it opens nothing, it only tells it from strangers."""
    mark = secrets.token_urlsafe(16)
    return f"{mark}.{_device_proof(secret, login, mark)}"


def is_device_mark(secret: bytes, login: str, mark: str) -> bool:
    """Whether a mark was made here for this login."""
    begin, _, proof = mark.partition(".")
    return hmac.compare_digest(proof.encode(), _device_proof(secret, login, begin).encode())


def _device_proof(secret: bytes, login: str, mark: str) -> str:
    return keyed_hash(secret, "device_mark", f"{mark}/{login.strip().lower()}")


def header(scope: Any, name: bytes) -> str:
    """A header of an ASGI request, empty when it is not there."""
    return headers_of(scope).get(name, b"").decode("latin-1")


def cookie(scope: Any, name: str) -> str | None:
    """A cookie of an ASGI request."""
    for part in header(scope, b"cookie").split(";"):
        key, _, value = part.strip().partition("=")
        if key == name:
            return value
    return None


def check_origin(scope: Any) -> None:
    """Refuse what a browser sends for another site (Fetch Metadata, RFC 6454). Raises ``ForeignOrigin``."""
    if header(scope, b"sec-fetch-site") not in ("", "same-origin", "none"):
        raise ForeignOrigin
    origin = header(scope, b"origin")
    if origin and urlsplit(origin).netloc != header(scope, b"host"):
        raise ForeignOrigin


def check_csrf(scope: Any, secret: bytes, token: str) -> None:
    """For an unsafe request that a cookie authenticates. Raises ``ForeignOrigin``, ``CsrfFailed``."""
    check_origin(scope)
    if not hmac.compare_digest(
        header(scope, b"x-csrf-token").encode(), csrf_token(secret, token).encode()
    ):
        raise CsrfFailed


SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
