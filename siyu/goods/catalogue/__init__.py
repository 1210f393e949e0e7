"""The catalogue: products with options and SKUs, categories, pictures, and the import of all of it."""

from siyu.goods.catalogue.events import ProductChanged, ProductPutOnSale, ProductTakenOff
from siyu.goods.catalogue.ports import Artist, Pieces, Shelf, plugs
from siyu.goods.catalogue.queries.doors import (
    ImageOut,
    ProductTitle,
    Sellable,
    image_out,
    images,
    sellable,
    titles,
)

__all__ = [
    "Artist",
    "ImageOut",
    "Pieces",
    "ProductChanged",
    "ProductPutOnSale",
    "ProductTakenOff",
    "ProductTitle",
    "Sellable",
    "Shelf",
    "image_out",
    "images",
    "plugs",
    "sellable",
    "titles",
]
