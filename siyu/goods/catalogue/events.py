"""Facts that the catalogue states."""

from uuid import UUID

from siyu.kernel.events import Event


class ProductChanged(Event, frozen=True, kw_only=True, tag="catalogue.product_changed/1"):
    """A product was made, edited, imported or removed."""

    product_id: UUID
    version: int
    status: str
    price_min_minor: int
    price_max_minor: int
    deleted: bool = False


class ProductPutOnSale(Event, frozen=True, kw_only=True, tag="catalogue.product_put_on_sale/1"):
    """Shoppers can buy it from now on."""

    product_id: UUID


class ProductTakenOff(Event, frozen=True, kw_only=True, tag="catalogue.product_taken_off/1"):
    """Shoppers can no longer buy it."""

    product_id: UUID
