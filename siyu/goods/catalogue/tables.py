"""Rows of the catalogue: products with their options and SKUs, categories, pictures, search words and imports."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from siyu.kernel.clock import now
from siyu.kernel.db import Base, OfBrand, within_brand
from siyu.kernel.ids import new_id

_EMPTY_TEXT = text("'{}'")
_EMPTY_LIST = text("'[]'")


class MediaRow(OfBrand, Base):
    """One picture. Without ``hash`` it is still where ``source`` says, and generated art stands in for it."""

    __tablename__ = "media"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    hash: Mapped[str | None]
    """SHA-256 of the re-encoded picture, hexadecimal; names its files."""
    source: Mapped[str | None]
    """``image_source``: the address it was (or will be) fetched from."""
    alt: Mapped[dict[str, str]] = mapped_column(JSONB, server_default=_EMPTY_TEXT, default=dict)
    generated: Mapped[bool] = mapped_column(server_default=text("false"), default=False)
    """Drawn by us, not photographed."""
    label: Mapped[str] = mapped_column(server_default="", default="")
    """What generated art shows when there is no file: the product's title."""
    width: Mapped[int] = mapped_column(server_default="0", default=0)
    height: Mapped[int] = mapped_column(server_default="0", default=0)
    attempts: Mapped[int] = mapped_column(server_default="0", default=0)
    error: Mapped[str] = mapped_column(server_default="", default="")
    created_at: Mapped[datetime] = mapped_column(default=now)

    __table_args__ = (
        UniqueConstraint("brand_id", "source"),
        Index(None, "brand_id", "hash"),
        Index(
            "media_waiting_idx",
            "brand_id",
            "attempts",
            "id",
            postgresql_where=text("hash is null and source is not null"),
        ),
    )


class CategoryRow(OfBrand, Base):
    """A shelf in the tree of shelves."""

    __tablename__ = "categories"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    parent_id: Mapped[UUID | None]
    name: Mapped[dict[str, str]] = mapped_column(JSONB)
    position: Mapped[int] = mapped_column(server_default="0", default=0)
    image_id: Mapped[UUID | None]
    version: Mapped[int] = mapped_column(server_default="1", default=1)

    __table_args__ = (
        within_brand("categories", "parent_id"),
        within_brand("media", "image_id"),
        Index(None, "brand_id", "parent_id", "position"),
    )


class ProductRow(OfBrand, Base):
    """What a shopper sees as one thing; its SKUs are what can be bought."""

    __tablename__ = "products"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    handle: Mapped[str]
    """Its name in addresses; unique in the brand."""
    title: Mapped[dict[str, str]] = mapped_column(JSONB)
    subtitle: Mapped[dict[str, str]] = mapped_column(
        JSONB, server_default=_EMPTY_TEXT, default=dict
    )
    description: Mapped[dict[str, str]] = mapped_column(
        JSONB, server_default=_EMPTY_TEXT, default=dict
    )
    """Sanitised HTML by locale."""
    kind: Mapped[str] = mapped_column(server_default="goods", default="goods")
    """``goods`` · ``service``"""
    status: Mapped[str]
    """``draft`` · ``scheduled`` · ``on_sale`` · ``off``"""
    on_sale_at: Mapped[datetime | None]
    off_at: Mapped[datetime | None]
    tags: Mapped[list[Any]] = mapped_column(JSONB, server_default=_EMPTY_LIST, default=list)
    attributes: Mapped[list[Any]] = mapped_column(JSONB, server_default=_EMPTY_LIST, default=list)
    """``[{"name": {locale: text}, "value": {locale: text}}]``"""
    freight_template_id: Mapped[UUID | None]
    version: Mapped[int] = mapped_column(server_default="1", default=1)
    """Grows with every write; editors send back the one they saw."""
    image_id: Mapped[UUID | None]
    """First of its pictures, kept for lists."""
    category_id: Mapped[UUID | None]
    """First of its categories, kept for lists."""
    sku_count: Mapped[int] = mapped_column(server_default="0", default=0)
    """Active SKUs; this and the prices below are kept for lists."""
    price_min_minor: Mapped[int] = mapped_column(server_default="0", default=0)
    price_max_minor: Mapped[int] = mapped_column(server_default="0", default=0)
    list_price_minor: Mapped[int | None]
    """Highest list price of its active SKUs, where one is above the price."""
    words: Mapped[str] = mapped_column(server_default="", default="")
    """Its rows in ``product_tokens``, separated by spaces."""
    fingerprint: Mapped[str | None]
    """Of the imported record, to leave unchanged ones alone."""
    published_at: Mapped[datetime | None]
    """When it last went on sale: «newest» in the shop."""
    created_at: Mapped[datetime] = mapped_column(default=now)
    updated_at: Mapped[datetime] = mapped_column(default=now)
    deleted_at: Mapped[datetime | None]

    __table_args__ = (
        UniqueConstraint("brand_id", "handle"),
        within_brand("media", "image_id"),
        within_brand("categories", "category_id"),
        CheckConstraint("status in ('draft', 'scheduled', 'on_sale', 'off')", name="status"),
        CheckConstraint("kind in ('goods', 'service')", name="kind"),
        CheckConstraint("version > 0", name="version"),
        Index(
            "products_shop_newest_idx",
            "brand_id",
            "published_at",
            "id",
            postgresql_where=text("status = 'on_sale' and deleted_at is null"),
        ),
        Index(
            "products_shop_price_idx",
            "brand_id",
            "price_min_minor",
            "id",
            postgresql_where=text("status = 'on_sale' and deleted_at is null"),
        ),
        Index(
            "products_updated_idx",
            "brand_id",
            "updated_at",
            "id",
            postgresql_where=text("deleted_at is null"),
        ),
        Index(
            "products_status_idx",
            "brand_id",
            "status",
            "updated_at",
            "id",
            postgresql_where=text("deleted_at is null"),
        ),
        Index(
            "products_price_idx",
            "brand_id",
            "price_min_minor",
            "id",
            postgresql_where=text("deleted_at is null"),
        ),
    )


class ProductOptionRow(OfBrand, Base):
    """What a shopper chooses by: colour, size."""

    __tablename__ = "product_options"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    product_id: Mapped[UUID]
    position: Mapped[int]
    name: Mapped[dict[str, str]] = mapped_column(JSONB)

    __table_args__ = (
        within_brand("products", "product_id"),
        Index(None, "brand_id", "product_id", "position"),
    )


class ProductOptionValueRow(OfBrand, Base):
    """One choice of an option: red, XL."""

    __tablename__ = "product_option_values"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    product_id: Mapped[UUID]
    option_id: Mapped[UUID]
    position: Mapped[int]
    name: Mapped[dict[str, str]] = mapped_column(JSONB)

    __table_args__ = (
        within_brand("products", "product_id"),
        within_brand("product_options", "option_id", ondelete="CASCADE"),
        Index(None, "brand_id", "product_id", "position"),
        Index(None, "brand_id", "option_id"),
    )


class SkuRow(OfBrand, Base):
    """What can be bought and counted: one combination of option values. Never deleted, only inactive."""

    __tablename__ = "skus"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    product_id: Mapped[UUID]
    code: Mapped[str]
    position: Mapped[int] = mapped_column(server_default="0", default=0)
    option_value_ids: Mapped[list[Any]] = mapped_column(
        JSONB, server_default=_EMPTY_LIST, default=list
    )
    """One value of each option, in the order of the options."""
    option_label: Mapped[dict[str, str]] = mapped_column(
        JSONB, server_default=_EMPTY_TEXT, default=dict
    )
    """The values' names joined, by locale; kept for lists and orders."""
    price_minor: Mapped[int]
    list_price_minor: Mapped[int | None]
    weight_g: Mapped[int] = mapped_column(server_default="0", default=0)
    barcode: Mapped[str] = mapped_column(server_default="", default="")
    image_id: Mapped[UUID | None]
    active: Mapped[bool] = mapped_column(server_default=text("true"), default=True)

    __table_args__ = (
        UniqueConstraint("brand_id", "code"),
        within_brand("products", "product_id"),
        within_brand("media", "image_id"),
        CheckConstraint("price_minor >= 0 and list_price_minor >= 0", name="price"),
        CheckConstraint("weight_g >= 0", name="weight"),
        Index(None, "brand_id", "product_id", "position"),
    )


class ProductCategoryRow(OfBrand, Base):
    """A product stands on a shelf."""

    __tablename__ = "product_categories"
    category_id: Mapped[UUID] = mapped_column(primary_key=True)
    product_id: Mapped[UUID] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(server_default="0", default=0)

    __table_args__ = (
        within_brand("categories", "category_id"),
        within_brand("products", "product_id"),
        Index(None, "brand_id", "product_id", "position"),
    )


class ProductImageRow(OfBrand, Base):
    """A product's pictures in order."""

    __tablename__ = "product_images"
    product_id: Mapped[UUID] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    media_id: Mapped[UUID]

    __table_args__ = (
        within_brand("products", "product_id"),
        within_brand("media", "media_id"),
        Index(None, "brand_id", "media_id"),
    )


class ProductTokenRow(OfBrand, Base):
    """A word that a product is found by; see ``siyu.kernel.search``."""

    __tablename__ = "product_tokens"
    token: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    """The product."""

    # No foreign key and no index by product: an import writes millions of these. The product keeps its own
    # words (``products.words``), which tell exactly which rows to remove; the invariant
    # "catalogue.search" compares both sides.


class CatalogueImportRow(OfBrand, Base):
    """A file of products: what it is, how it is read, and how far it has been taken in."""

    __tablename__ = "catalogue_imports"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    filename: Mapped[str]
    size_bytes: Mapped[int]
    file_hash: Mapped[str]
    """SHA-256 of the file, hexadecimal."""
    file_key: Mapped[str | None]
    """Where it lies in Files, sealed; nothing when it was read from the command line, or has expired."""
    format: Mapped[str]
    mapping: Mapped[list[Any]] = mapped_column(JSONB, server_default=_EMPTY_LIST, default=list)
    header: Mapped[list[Any]] = mapped_column(JSONB, server_default=_EMPTY_LIST, default=list)
    sample: Mapped[list[Any]] = mapped_column(JSONB, server_default=_EMPTY_LIST, default=list)
    job_id: Mapped[UUID | None]
    done_products: Mapped[int] = mapped_column(server_default="0", default=0)
    """Products of the file that are committed, counted in the file's order."""
    counts: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=_EMPTY_TEXT, default=dict)
    finished_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=now)
    expires_at: Mapped[datetime | None]
    """When file, first rows, refused rows and report will be deleted."""
    expired_at: Mapped[datetime | None]
    """When they were; what remains are the counts."""

    __table_args__ = (
        Index(None, "brand_id", "created_at", "id"),
        Index(None, "brand_id", "file_hash"),
    )


class ImportRejectionRow(OfBrand, Base):
    """A line of an import that did not go in, and why."""

    __tablename__ = "import_rejections"
    import_id: Mapped[UUID] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    line: Mapped[int]
    column: Mapped[str]
    code: Mapped[str]
    reason: Mapped[dict[str, str]] = mapped_column(JSONB)
    value: Mapped[str]

    __table_args__ = (within_brand("catalogue_imports", "import_id", ondelete="CASCADE"),)


class ImportMappingRow(OfBrand, Base):
    """A saved way of reading a table of unknown columns."""

    __tablename__ = "import_mappings"
    name: Mapped[str] = mapped_column(primary_key=True)
    mapping: Mapped[list[Any]] = mapped_column(JSONB)
    saved_at: Mapped[datetime] = mapped_column(default=now)
