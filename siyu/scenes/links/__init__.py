"""链接 – links: signed addresses that carry where a visit comes from: source, scene, store and guide."""

from siyu.scenes.links.actions import make_links, touch
from siyu.scenes.links.events import LinkMade, LinkOpened
from siyu.scenes.links.queries import Link, by_codes, sources
from siyu.scenes.links.rules import is_genuine

__all__ = [
    "Link",
    "LinkMade",
    "LinkOpened",
    "by_codes",
    "is_genuine",
    "make_links",
    "sources",
    "touch",
]
