"""Codes that change every 30 seconds (RFC 6238 over RFC 4226, HMAC-SHA-1, 6 digits). Pure."""

import base64
import hashlib
import hmac
import secrets
from urllib.parse import quote, urlencode

STEP_S = 30
DIGITS = 6
SKEW = 1
"""Steps that a phone's clock may be ahead or behind."""


def new_secret() -> bytes:
    """160 random bits, as RFC 4226 recommends."""
    return secrets.token_bytes(20)


def step_of(seconds: float) -> int:
    """The step in which a moment lies, in seconds since 1970."""
    return int(seconds) // STEP_S


def code_of(secret: bytes, step: int, digits: int = DIGITS) -> str:
    """The code of a step (RFC 4226, section 5.3)."""
    mac = hmac.new(secret, step.to_bytes(8), hashlib.sha1).digest()
    at = mac[-1] & 0x0F
    number = int.from_bytes(mac[at : at + 4]) & 0x7FFFFFFF
    return str(number % 10**digits).zfill(digits)


def matching_step(secret: bytes, code: str, now: int, used: int) -> int | None:
    """The step around ``now`` whose code this is, later than ``used``; all are compared, whichever fits."""
    found = None
    for step in range(now - SKEW, now + SKEW + 1):
        fits = hmac.compare_digest(code_of(secret, step).encode(), code.encode())
        if fits and step > used:
            found = step
    return found


def spelled(secret: bytes) -> str:
    """The secret as people type it into an app: base32 without padding."""
    return base64.b32encode(secret).decode().rstrip("=")


def address(secret: bytes, login: str, issuer: str) -> str:
    """What the QR code says: the key URI that authenticator apps read."""
    label = f"{quote(issuer, safe='')}:{quote(login, safe='')}"
    said = {"secret": spelled(secret), "issuer": issuer, "digits": DIGITS, "period": STEP_S}
    return f"otpauth://totp/{label}?{urlencode(said, quote_via=quote)}"
