"""A whole brand in one encrypted file: written from one house, read into another, with its ids."""

from siyu.app.brand_file.arriving import keep_arrivals, settle_arrivals
from siyu.app.brand_file.reading import import_brand
from siyu.app.brand_file.shape import (
    OF_THE_HOUSE,
    AtWork,
    Moved,
    NotWhole,
    OtherSchema,
    PutAway,
    StillMoving,
    Taken,
)
from siyu.app.brand_file.writing import export_brand

__all__ = [
    "OF_THE_HOUSE",
    "AtWork",
    "Moved",
    "NotWhole",
    "OtherSchema",
    "PutAway",
    "StillMoving",
    "Taken",
    "export_brand",
    "import_brand",
    "keep_arrivals",
    "settle_arrivals",
]
