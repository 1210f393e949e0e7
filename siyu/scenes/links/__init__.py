"""链接 – links: signed addresses that carry where a visit comes from: source, scene, store and guide."""

from siyu.scenes.links.actions import make_links, touch
from siyu.scenes.links.events import LinkMade, LinkOpened
from siyu.scenes.links.queries import Link, by_codes, sources

__all__ = [
    "Link",
    "LinkMade",
    "LinkOpened",
    "by_codes",
    "make_links",
    "sources",
    "touch",
]
