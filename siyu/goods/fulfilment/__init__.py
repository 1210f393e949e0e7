"""配送 – fulfilment: parcels with their carriers, and codes for picking up at a store."""

from siyu.goods.fulfilment.events import ParcelChanged, ParcelShipped, ParcelSigned, PickUpReady
from siyu.goods.fulfilment.queries import fulfilled
from siyu.goods.fulfilment.rules import CARRIERS

__all__ = ["CARRIERS", "ParcelChanged", "ParcelShipped", "ParcelSigned", "PickUpReady", "fulfilled"]
