"""The one client for everything that leaves: it never reaches into our own network.

The name is resolved here, every address is checked, and the connection is pinned to the checked
address, so that a second answer of the name server cannot lead elsewhere. Redirects are not followed. Each request
has a connection of its own.
"""

import asyncio
import ipaddress
import socket
import ssl
import zlib
from collections.abc import Awaitable, Callable, Collection
from functools import cache

import httpx
import msgspec

from siyu.kernel.errors import Refusal


@cache
def trusted() -> ssl.SSLContext:
    """Whom HTTPS clients of this process trust: the usual authorities, read once. Reading them takes longer than opening a client."""
    return httpx.create_ssl_context(trust_env=False)


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

    def __init__(
        self,
        *,
        allow_private: bool = False,
        allowed: Callable[[str], bool] | None = None,
        look_up: "LookUp | None" = None,
    ) -> None:
        """``allowed``: which IP addresses may be reached, the open internet when left out; ``look_up``: the name server."""
        self._allowed = allowed or (_anywhere if allow_private else is_public)
        self._look_up = look_up or addresses_of
        # The pool knows connections by their pinned address: kept alive, one that was made for (and, with TLS, proven
        # by) one name would carry what is meant for another name at the same address.
        self._client = httpx.AsyncClient(
            follow_redirects=False,
            trust_env=False,
            timeout=15,
            verify=trusted(),
            limits=httpx.Limits(max_connections=100, max_keepalive_connections=0),
        )

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
        target = _checked(url)
        host = target.raw_host.decode()
        try:
            async with asyncio.timeout(timeout_s):
                address = await self._address(
                    host, target.port or (443 if target.scheme == "https" else 80)
                )
                request = self._client.build_request(
                    method,
                    target.copy_with(host=address),
                    headers={
                        "Accept-Encoding": "gzip",
                        **(headers or {}),
                        "Host": target.netloc.decode(),
                    },
                    content=content,
                    extensions={"sni_hostname": host},
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
            found = await self._look_up(host, port)
        except (OSError, UnicodeError):
            raise EgressRefused("The name of this address is not known.", host=host[:200]) from None
        if not found or not all(self._allowed(address) for address in found):
            raise EgressRefused("This address leads into a private network.", host=host[:200])
        return min(found, key=lambda address: ":" in address)


def _anywhere(_: str) -> bool:
    return True


LookUp = Callable[[str, int], Awaitable[Collection[str]]]
"""From a host name and a port to IP addresses. Raises ``OSError`` for an unknown name."""


async def addresses_of(host: str, port: int) -> Collection[str]:
    """What the system's resolver says; it also reads ``0177.1``, ``2130706433`` and the like. Raises ``OSError``."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return {str(entry[4][0]).split("%")[0] for entry in found}


def _checked(url: str) -> httpx.URL:
    try:
        target = httpx.URL(url)
    except httpx.InvalidURL:
        target = httpx.URL()
    if (
        target.scheme not in ("http", "https")
        or not target.host
        or target.userinfo
        or (target.port is not None and not 0 < target.port < 65_536)
    ):
        raise EgressRefused(
            "Only http and https addresses without credentials can be fetched.", url=url[:200]
        )
    return target


_CARRIERS = tuple(ipaddress.ip_network(one) for one in ("64:ff9b::/96", "::/96"))
"""Networks of IPv6 whose last 32 bits are an IPv4 address: NAT64 and the old IPv4-compatible form."""


def is_public(address: str) -> bool:
    """Whether an IP address belongs to the open internet (also when IPv4 is wrapped in IPv6)."""
    parsed = ipaddress.ip_address(address)
    if isinstance(parsed, ipaddress.IPv6Address):
        wrapped = (
            parsed.ipv4_mapped or parsed.sixtofour or (parsed.teredo[1] if parsed.teredo else None)
        )
        if wrapped is None and any(parsed in network for network in _CARRIERS):
            wrapped = ipaddress.IPv4Address(int(parsed) & 0xFFFFFFFF)
        if wrapped is not None:
            return is_public(str(wrapped))
        if parsed.is_site_local:
            return False
    return parsed.is_global and not parsed.is_multicast


async def _bounded(answer: httpx.Response, max_bytes: int) -> bytes:
    """The body, unpacked here, for a small packed piece may hold gigabytes."""
    packing = answer.headers.get("content-encoding", "identity").strip().lower()
    if packing not in ("identity", "gzip", "x-gzip", "deflate"):
        raise EgressRefused("The answer is packed in a way that was not asked for.")
    unpacker = None if packing == "identity" else zlib.decompressobj(wbits=47)
    body = bytearray()
    async for chunk in answer.aiter_raw():
        try:
            body += unpacker.decompress(chunk, max_bytes + 1 - len(body)) if unpacker else chunk
        except zlib.error:
            raise EgressRefused("The answer cannot be unpacked.") from None
        if len(body) > max_bytes:
            raise EgressRefused("The answer is larger than allowed.", max_bytes=max_bytes)
    if unpacker and (unpacker.unused_data or (body and not unpacker.eof)):
        raise EgressRefused("The answer cannot be unpacked.")
    return bytes(body)
