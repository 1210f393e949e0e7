"""Whose address a request counts for when proxies stand in front: what a trusted one says, and nobody else."""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any

from siyu.kernel.settings import Network

_Address = IPv4Address | IPv6Address
_MOST_HOPS = 20
"""Looked at from the right; a chain of trusted proxies is never as long."""


class Proxies:
    """The proxies whose ``X-Forwarded-For`` is believed."""

    def __init__(self, trusted: Iterable[Network]) -> None:
        self._trusted = tuple(trusted)

    def client(self, scope: Any) -> str:
        """Where a connection came from: the rightmost hop that is no trusted proxy, or the peer itself.

        Each proxy adds the address it was called from at the right, so all that stands left of the first stranger may be
        made up by them. A hop that is no address ends the search at the one before it.
        """
        peer: str = scope["client"][0] if scope.get("client") else ""
        here = _address(peer)
        if here is None or not self._is_trusted(here):
            return peer
        for hop in reversed(_hops(scope)):
            came_from = _hop_address(hop)
            if came_from is None:
                break
            here = came_from
            if not self._is_trusted(here):
                break
        return str(here)

    def settle(self, scope: Any) -> None:
        """Make ``client`` of the scope what it counts for; the port of a forwarded one is not known and becomes 0."""
        if not self._trusted:
            return
        found = self.client(scope)
        if scope.get("client") and found != scope["client"][0]:
            scope["client"] = (found, 0)

    def _is_trusted(self, address: _Address) -> bool:
        return any(address in network for network in self._trusted)


def _hops(scope: Any) -> list[str]:
    given = b",".join(value for key, value in scope["headers"] if key == b"x-forwarded-for")
    return given.decode("latin-1").rsplit(",", _MOST_HOPS)[-_MOST_HOPS:] if given else []


def _hop_address(hop: str) -> _Address | None:
    """``203.0.113.5``, ``203.0.113.5:4000``, ``2001:db8::1``, ``[2001:db8::1]:4000``."""
    hop = hop.strip()
    if hop.startswith("["):
        hop = hop[1:].partition("]")[0]
    elif hop.count(":") == 1:
        hop = hop.partition(":")[0]
    return None if "%" in hop else _address(hop)


def _address(text: str) -> _Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
