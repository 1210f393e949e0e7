"""Pictures inside descriptions: stored by id, shown by address.

Stored HTML says ``src="media:{id}"``. Clients get the address with the id behind ``#m``, so that an editor can
hand it back; addresses of other hosts never reach a shopper.
"""

import re
from collections.abc import Mapping
from typing import Protocol
from uuid import UUID

from siyu.goods.catalogue.shapes import LocaleText

_IMAGE = re.compile(r'(<img [^>]*?src=")([^"]*)(")')
_OWN = re.compile(r".*/media/[0-9a-f]{32}/[^/]+/\d+\.webp#m([0-9a-f]{32})")


class Addressed(Protocol):
    """Anything with an address."""

    @property
    def url(self) -> str:
        """Where it is."""
        ...


def own_id(address: str) -> UUID | None:
    """The picture that an address of ours shows, when it says which one behind ``#m``."""
    found = _OWN.fullmatch(address)
    return UUID(found[1]) if found else None


def foreign_sources(html: str) -> set[str]:
    """Addresses of pictures in sanitised HTML that are not ours."""
    return {
        source.replace("&amp;", "&")
        for _, source, _ in _IMAGE.findall(html)
        if source and not _OWN.fullmatch(source)
    }


def stored_html(html: str, known: Mapping[str, UUID]) -> str:
    """Sanitised HTML as it is stored; pictures of unknown addresses lose them."""

    def store(match: re.Match[str]) -> str:
        source = match[2].replace("&amp;", "&")
        ours = _OWN.fullmatch(source)
        media = ours[1] if ours else known[source].hex if source in known else None
        return f"{match[1]}{f'media:{media}' if media else ''}{match[3]}"

    return _IMAGE.sub(store, html)


def pictures_in(text: LocaleText) -> list[UUID]:
    """Ids of the pictures inside stored HTML."""
    return [
        UUID(source.removeprefix("media:"))
        for html in text.values()
        for _, source, _ in _IMAGE.findall(html)
        if source.startswith("media:")
    ]


def shown_html(text: LocaleText, pictures: Mapping[UUID, Addressed]) -> LocaleText:
    """Stored HTML as clients get it."""

    def show(match: re.Match[str]) -> str:
        if not match[2].startswith("media:"):
            return match[0]
        media_id = UUID(match[2].removeprefix("media:"))
        known = pictures.get(media_id)
        return f"{match[1]}{f'{known.url}#m{media_id.hex}' if known else ''}{match[3]}"

    return {locale: _IMAGE.sub(show, html) for locale, html in text.items()}


def addressed_html(text: LocaleText, addresses: Mapping[UUID, str]) -> LocaleText:
    """Stored HTML as it is exported: pictures by these addresses, exactly."""

    def address(match: re.Match[str]) -> str:
        if not match[2].startswith("media:"):
            return match[0]
        known = addresses.get(UUID(match[2].removeprefix("media:")), "")
        return f"{match[1]}{known.replace('&', '&amp;')}{match[3]}"

    return {locale: _IMAGE.sub(address, html) for locale, html in text.items()}
