"""The one client for everything that leaves: it never reaches into our own network.

The name is resolved here, every address is checked, and the connection is pinned to the checked
address, so that a second answer of the name server cannot lead elsewhere. Redirects are not followed.
"""

import asyncio
import ipaddress
import socket
from urllib.parse import urlsplit

import httpx
import msgspec

from siyu.kernel.errors import Refusal


class EgressRefused(Refusal):
    """The address may not be fetched, or its answer is too large or too slow."""

    code = "egress.refused"
    status = 422
    detail = "This address cannot be fetched from here."


class Fetched(msgspec.Struct, frozen=True):
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes


class Egress:
    """Fetches public http(s) addresses; ``allow_private`` only in the demo, where the world is on loopback."""

    def __init__(self, *, allow_private: bool = False) -> None:
        self._allow_private = allow_private
        self._client = httpx.AsyncClient(follow_redirects=False, trust_env=False, timeout=15)

    async def close(self) -> None:
        """Drop all connections."""
        await self._client.aclose()

    async def fetch(
        self,
        url: str,
        *,
        method: str = "GET",
        headers: dict[str, str] | None = None,
        content: bytes | None = None,
        max_bytes: int = 10_000_000,
        timeout_s: float = 15,
    ) -> Fetched:
        """One request. Raises ``EgressRefused`` for a forbidden address, a failure, or too much or too slow an answer."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
            raise EgressRefused(
                "Only http and https addresses without credentials can be fetched.", url=url[:200]
            )
        try:
            async with asyncio.timeout(timeout_s):
                address = await self._address(
                    parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)
                )
                pinned = httpx.URL(url).copy_with(host=address)
                request = self._client.build_request(
                    method,
                    pinned,
                    headers={**(headers or {}), "Host": parts.netloc},
                    content=content,
                    extensions={"sni_hostname": parts.hostname},
                )
                answer = await self._client.send(request, stream=True)
                try:
                    body = await _bounded(answer, max_bytes)
                finally:
                    await answer.aclose()
        except TimeoutError:
            raise EgressRefused("The address took too long to answer.", url=url[:200]) from None
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            raise EgressRefused(
                f"The address did not answer: {type(error).__name__}.", url=url[:200]
            ) from None
        return Fetched(answer.status_code, dict(answer.headers), body)

    async def _address(self, host: str, port: int) -> str:
        try:
            found = await asyncio.get_running_loop().getaddrinfo(
                host, port, type=socket.SOCK_STREAM
            )
        except (OSError, UnicodeError):
            raise EgressRefused("The name of this address is not known.", host=host[:200]) from None
        addresses = {str(entry[4][0]).split("%")[0] for entry in found}
        for address in addresses:
            if not self._allow_private and not is_public(address):
                raise EgressRefused("This address leads into a private network.", host=host[:200])
        return min(addresses, key=lambda a: ":" in a)


def is_public(address: str) -> bool:
    """Whether an IP address belongs to the open internet (also when IPv4 is wrapped in IPv6)."""
    parsed = ipaddress.ip_address(address)
    if isinstance(parsed, ipaddress.IPv6Address):
        wrapped = (
            parsed.ipv4_mapped or parsed.sixtofour or (parsed.teredo[1] if parsed.teredo else None)
        )
        if wrapped is None and parsed in ipaddress.ip_network("64:ff9b::/96"):
            wrapped = ipaddress.IPv4Address(int(parsed) & 0xFFFFFFFF)
        if wrapped is not None:
            return is_public(str(wrapped))
    return parsed.is_global and not parsed.is_multicast


async def _bounded(answer: httpx.Response, max_bytes: int) -> bytes:
    body = bytearray()
    async for chunk in answer.aiter_bytes():
        body += chunk
        if len(body) > max_bytes:
            raise EgressRefused("The answer is larger than allowed.", max_bytes=max_bytes)
    return bytes(body)
