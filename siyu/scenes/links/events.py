"""What links state."""

from uuid import UUID

from siyu.kernel.events import Event


class LinkMade(Event, frozen=True, kw_only=True, tag="links.made/1"):
    """A link was made for a store, a guide or a place."""

    link_id: UUID
    source: str
    scene: str
    store_id: UUID | None = None
    guide_id: UUID | None = None


class LinkOpened(Event, frozen=True, kw_only=True, tag="links.opened/1"):
    """Somebody came through a link: a touchpoint."""

    link_id: UUID
    touchpoint_id: UUID
    person_id: UUID | None
    source: str
    scene: str
    store_id: UUID | None = None
    guide_id: UUID | None = None
