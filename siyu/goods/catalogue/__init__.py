"""The catalogue: products with options and SKUs, categories, pictures, and the import of all of it."""

from siyu.goods.catalogue.actions.categories import CategoryChange, save_category
from siyu.goods.catalogue.actions.importing import (
    ImportResult,
    RejectedOut,
    rejected_csv,
    report_csv,
    run_import,
)
from siyu.goods.catalogue.actions.media import keep_picture
from siyu.goods.catalogue.actions.products import save_product
from siyu.goods.catalogue.events import ProductChanged, ProductPutOnSale, ProductTakenOff
from siyu.goods.catalogue.importing import Mapping
from siyu.goods.catalogue.ports import Artist, Pieces, Shelf, plugs
from siyu.goods.catalogue.queries.doors import (
    ImageOut,
    ProductTitle,
    Sellable,
    active_skus,
    image_out,
    images,
    sellable,
    sellable_read,
    skus_found,
    titles,
)
from siyu.goods.catalogue.queries.exporting import write_catalogue
from siyu.goods.catalogue.queries.shop import ProductCard, cards, newest_products, products_in
from siyu.goods.catalogue.queries.tree import (
    ShopCategory,
    category_names,
    shop_categories,
    subtree_ids,
)
from siyu.goods.catalogue.rules import NotOnSale
from siyu.goods.catalogue.shapes import AttributeOut, OptionIn, ProductIn, SkuIn

__all__ = [
    "Artist",
    "AttributeOut",
    "CategoryChange",
    "ImageOut",
    "ImportResult",
    "Mapping",
    "NotOnSale",
    "OptionIn",
    "Pieces",
    "ProductCard",
    "ProductChanged",
    "ProductIn",
    "ProductPutOnSale",
    "ProductTakenOff",
    "ProductTitle",
    "RejectedOut",
    "Sellable",
    "Shelf",
    "ShopCategory",
    "SkuIn",
    "active_skus",
    "cards",
    "category_names",
    "image_out",
    "images",
    "keep_picture",
    "newest_products",
    "plugs",
    "products_in",
    "rejected_csv",
    "report_csv",
    "run_import",
    "save_category",
    "save_product",
    "sellable",
    "sellable_read",
    "shop_categories",
    "skus_found",
    "subtree_ids",
    "titles",
    "write_catalogue",
]
