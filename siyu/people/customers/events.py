"""What customers state."""

from uuid import UUID

from siyu.kernel.events import Event


class CustomerJoined(Event, frozen=True, kw_only=True, tag="customers.joined/1"):
    """A customer is there for the first time, with the first touch."""

    customer_id: UUID
    seq: int
    device_id: UUID | None = None
    source: str = "direct"
    scene: str = ""
    link_id: UUID | None = None
    store_id: UUID | None = None
    guide_id: UUID | None = None


class CustomerSignedIn(Event, frozen=True, kw_only=True, tag="customers.signed_in/1"):
    """A device turned out to be a customer's."""

    customer_id: UUID
    device_id: UUID


class CustomerChanged(Event, frozen=True, kw_only=True, tag="customers.changed/1"):
    """Something of the customer's own data changed; what, is to be read there."""

    customer_id: UUID


class CustomerForgotten(Event, frozen=True, kw_only=True, tag="customers.forgotten/1"):
    """A customer's data was destroyed for good."""

    customer_id: UUID


class GuestArrived(Event, frozen=True, kw_only=True, tag="customers.guest_arrived/1"):
    """A visitor accepted the privacy text: a device is known from now on."""

    device_id: UUID
    source: str
    scene: str = ""
    link_id: UUID | None = None
    store_id: UUID | None = None
    guide_id: UUID | None = None
