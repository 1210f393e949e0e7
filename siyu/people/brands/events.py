"""What brands state."""

from uuid import UUID

from siyu.kernel.events import Event


class BrandCreated(Event, frozen=True, kw_only=True, tag="brands.created/1"):
    """A brand with its HQ is there."""

    brand_id: UUID
    hq_id: UUID


class BrandChanged(Event, frozen=True, kw_only=True, tag="brands.changed/1"):
    """Something that shoppers see of the brand changed (name, colour, locales, privacy …)."""

    brand_id: UUID


class UnitChanged(Event, frozen=True, kw_only=True, tag="brands.unit_changed/1"):
    """A unit was added, changed, moved, closed or opened again."""

    unit_id: UUID
    kind_of_unit: str
    closed: bool
    added: bool = False
