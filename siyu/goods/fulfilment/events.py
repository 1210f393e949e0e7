"""What fulfilment states; the order is the subject, so its time line tells it."""

from uuid import UUID

from siyu.kernel.events import Event


class ParcelShipped(Event, frozen=True, kw_only=True, tag="fulfilment.shipped/1"):
    """A parcel was handed to a carrier."""

    order_id: UUID
    parcel_id: UUID
    carrier: str
    tracking_number: str
    quantity: int


class ParcelChanged(Event, frozen=True, kw_only=True, tag="fulfilment.parcel_changed/1"):
    """Carrier or tracking number was corrected."""

    order_id: UUID
    parcel_id: UUID
    carrier: str
    tracking_number: str


class ParcelSigned(Event, frozen=True, kw_only=True, tag="fulfilment.signed/1"):
    """A parcel has arrived."""

    order_id: UUID
    parcel_id: UUID


class PickUpReady(Event, frozen=True, kw_only=True, tag="fulfilment.pick_up_ready/1"):
    """A pick-up order was paid and has its code."""

    order_id: UUID
    store_id: UUID | None


class PickedUp(Event, frozen=True, kw_only=True, tag="fulfilment.picked_up/1"):
    """The store verified the code and handed everything over."""

    order_id: UUID
    store_id: UUID | None
