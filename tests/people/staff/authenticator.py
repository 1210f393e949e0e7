"""An authenticator app of a test's own: it knows RFC 6238 from the standard library, nothing of siyu's code."""

import base64
import hashlib
import hmac
import struct
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

from siyu.kernel import clock

STEP = "/api/console/session/second-step"


class Authenticator:
    """Shows codes for a key URI, as phones do."""

    def __init__(self, address: str) -> None:
        parts = urlsplit(address)
        assert (parts.scheme, parts.netloc) == ("otpauth", "totp")
        said = parse_qs(parts.query)
        self.label, self.issuer = parts.path, said["issuer"][0]
        spelled = said["secret"][0]
        self._secret = base64.b32decode(spelled + "=" * (-len(spelled) % 8))

    def code(self, ahead: int = 0) -> str:
        """What the phone shows now, or ``ahead`` steps of 30 seconds later."""
        step = int(clock.now().timestamp()) // 30 + ahead
        mac = hmac.digest(self._secret, struct.pack(">Q", step), hashlib.sha1)
        at = mac[19] & 15
        return f"{(struct.unpack('>I', mac[at : at + 4])[0] & (2**31 - 1)) % 10**6:06d}"


async def enrolled(
    client: httpx.AsyncClient, password: str, *, ahead: int = -1
) -> tuple[Authenticator, list[str]]:
    """Set a second step up as somebody does who reads the QR code; the phone and the recovery codes.

    It is confirmed with the code before the present one, so that the present one is still good for signing in.
    """
    begun = await client.post(STEP, json={"password": password})
    assert begun.status_code == 200, begun.text
    phone = Authenticator(begun.json()["address"])
    confirmed = await client.post(f"{STEP}/confirm", json={"code": phone.code(ahead)})
    assert confirmed.status_code == 200, confirmed.text
    return phone, confirmed.json()["codes"]


async def attempt(
    client: httpx.AsyncClient, login: str, password: str, code: str | None = None
) -> tuple[int, Any]:
    """Try to sign in; status and code of the refusal."""
    body = {"login": login, "password": password} | ({"code": code} if code is not None else {})
    answer = await client.post("/api/console/session", json=body)
    return answer.status_code, answer.json().get("code")
