"""The console's doors to products, categories and pictures."""

from typing import Annotated, Literal
from uuid import UUID

import msgspec
from litestar import delete, get, patch, post, put
from litestar.datastructures import UploadFile
from litestar.di import NamedDependency
from litestar.params import (
    FromPath,
    FromQuery,
    HeaderParameter,
    JSONBody,
    MultipartBody,
    QueryParameter,
)
from msgspec import UNSET, Meta, UnsetType

from siyu.goods.catalogue.actions import categories, media, products
from siyu.goods.catalogue.actions.products import BulkAction, BulkRefusal
from siyu.goods.catalogue.http.wire import ProductOut, product_out
from siyu.goods.catalogue.media.pictures import MAX_BYTES
from siyu.goods.catalogue.queries.doors import ImageOut, image_out
from siyu.goods.catalogue.queries.listing import Filter, ProductPageOut, Sort, page_of_products
from siyu.goods.catalogue.queries.tree import CategoryOut, category_tree
from siyu.goods.catalogue.rules import said
from siyu.goods.catalogue.shapes import LocaleText, ProductIn, Status
from siyu.kernel.db import driver_of
from siyu.kernel.errors import NotFound
from siyu.kernel.http import once
from siyu.people.staff import Desk, menu_count, permission

permission("products.view", {"zh-CN": "查看商品", "en": "See products"})
permission("products.edit", {"zh-CN": "编辑商品与分类", "en": "Edit products and categories"})
permission("products.import", {"zh-CN": "导入商品", "en": "Import products"})

Key = Annotated[str | None, HeaderParameter(name="Idempotency-Key", max_length=64)]
Size = Annotated[int, QueryParameter(ge=1, le=100)]
Search = Annotated[str, QueryParameter(max_length=100, pattern=r"^[^\x00]*$")]
Position = Annotated[int, Meta(ge=0, le=1_000_000)]


class BulkIn(msgspec.Struct, forbid_unknown_fields=True):
    ids: Annotated[list[UUID], Meta(min_length=1, max_length=500)]
    action: BulkAction
    category_id: UUID | None = None


class BulkOut(msgspec.Struct):
    changed: int
    refused: list[BulkRefusal]


class CategoryIn(msgspec.Struct, forbid_unknown_fields=True):
    name: LocaleText
    parent_id: UUID | None = None
    position: Position = 0
    image_id: UUID | None = None


class CategoryPatchIn(msgspec.Struct, forbid_unknown_fields=True):
    name: LocaleText | UnsetType = UNSET
    parent_id: UUID | UnsetType | None = UNSET
    position: Position | UnsetType = UNSET
    image_id: UUID | UnsetType | None = UNSET


class CategoryListOut(msgspec.Struct):
    items: list[CategoryOut]


class PictureIn(msgspec.Struct):
    file: UploadFile


@menu_count("products")
async def count_products(session: object) -> int:
    """Products that are not deleted."""
    connection = await driver_of(session)  # pyright: ignore[reportArgumentType]
    return await connection.fetchval("select count(*) from products where deleted_at is null")


@get("/products", tags=["catalogue"])
async def list_products(
    desk: NamedDependency[Desk],
    q: Search = "",
    status: FromQuery[Status | None] = None,
    category_id: FromQuery[UUID | None] = None,
    sort: FromQuery[Sort] = "updated",
    cursor: FromQuery[str | None] = None,
    limit: Size = 20,
) -> ProductPageOut:
    """Products, searched (Chinese by any part of a word), with counts by status under the same search."""
    desk.require("products.view")
    asked = Filter(q, status, category_id, sort, limit, cursor)
    return await page_of_products(await driver_of(desk.session), asked)


@get("/products/{product_id:uuid}", tags=["catalogue"])
async def show_product(desk: NamedDependency[Desk], product_id: FromPath[UUID]) -> ProductOut:
    """A product for its editor."""
    desk.require("products.view")
    return await product_out(await driver_of(desk.session), product_id)


@post("/products", tags=["catalogue"])
async def post_product(
    desk: NamedDependency[Desk], data: JSONBody[ProductIn], request_key: Key = None
) -> ProductOut:
    """Make a product. Refusals: http.invalid, catalogue.handle_taken, catalogue.code_taken, catalogue.not_ready."""
    desk.require("products.edit")
    write = (
        await once(desk.session, f"products/{desk.staff.id}", request_key, data)
        if request_key
        else None
    )
    if write and write.reference:
        return await product_out(await driver_of(desk.session), UUID(write.reference["product_id"]))
    product_id = await products.save_product(desk.session, None, data)
    if write:
        await write.done({"product_id": product_id})
    return await _saved(desk, product_id, "product.added")


@put("/products/{product_id:uuid}", tags=["catalogue"])
async def put_product(
    desk: NamedDependency[Desk], product_id: FromPath[UUID], data: JSONBody[ProductIn]
) -> ProductOut:
    """Change a product to what its editor says. Refusals: catalogue.changed_meanwhile and those of making one."""
    desk.require("products.edit")
    await products.save_product(desk.session, product_id, data)
    return await _saved(desk, product_id, "product.changed")


async def _saved(desk: Desk, product_id: UUID, action: str) -> ProductOut:
    out = await product_out(await driver_of(desk.session), product_id)
    label = said(out.title, desk.brand.default_locale)
    await desk.audit(
        action,
        subject_kind="product",
        subject_id=product_id,
        label=label,
        facts={"version": out.version, "status": out.status},
    )
    return out


@post("/products/bulk", tags=["catalogue"], status_code=200)
async def bulk_products(desk: NamedDependency[Desk], data: JSONBody[BulkIn]) -> BulkOut:
    """Do one thing to up to 500 products; each that could not is listed with its reason."""
    desk.require("products.edit")
    changed, refused = await products.change_many(
        desk.session, data.ids, data.action, data.category_id
    )
    await desk.audit(
        f"products.{data.action}",
        subject_kind="product",
        label=f"{changed}",
        facts={"changed": changed, "refused": len(refused)},
    )
    return BulkOut(changed, refused)


@get("/categories", tags=["catalogue"])
async def list_categories(desk: NamedDependency[Desk]) -> CategoryListOut:
    """The whole tree, in the order of positions."""
    desk.require("products.view")
    return CategoryListOut(await category_tree(desk.session))


@post("/categories", tags=["catalogue"])
async def post_category(desk: NamedDependency[Desk], data: JSONBody[CategoryIn]) -> CategoryOut:
    """Make a category. Refusals: http.invalid, catalogue.category_circle (also for more than three levels)."""
    desk.require("products.edit")
    change = categories.CategoryChange(**msgspec.structs.asdict(data))
    return await _category(
        desk, await categories.save_category(desk.session, None, change), "category.added"
    )


@patch("/categories/{category_id:uuid}", tags=["catalogue"])
async def patch_category(
    desk: NamedDependency[Desk], category_id: FromPath[UUID], data: JSONBody[CategoryPatchIn]
) -> CategoryOut:
    """Rename or move a category. Refusals: http.invalid, catalogue.category_circle."""
    desk.require("products.edit")
    change = categories.CategoryChange(**msgspec.structs.asdict(data))
    return await _category(
        desk, await categories.save_category(desk.session, category_id, change), "category.changed"
    )


async def _category(desk: Desk, category_id: UUID, action: str) -> CategoryOut:
    out = next((one for one in await category_tree(desk.session) if one.id == category_id), None)
    if out is None:
        raise NotFound(category_id=str(category_id))
    label = said(out.name, desk.brand.default_locale)
    await desk.audit(action, subject_kind="category", subject_id=category_id, label=label)
    return out


@delete("/categories/{category_id:uuid}", tags=["catalogue"])
async def delete_category(desk: NamedDependency[Desk], category_id: FromPath[UUID]) -> None:
    """Remove a category; its products stay. Refusals: catalogue.category_in_use (categories below it)."""
    desk.require("products.edit")
    await categories.delete_category(desk.session, category_id)
    await desk.audit("category.deleted", subject_kind="category", subject_id=category_id)


@post("/media", tags=["catalogue"])
async def post_media(
    desk: NamedDependency[Desk],
    data: MultipartBody[PictureIn],
    alt_locale: FromQuery[Literal["zh-CN", "en"]] = "zh-CN",
    alt: Search = "",
) -> ImageOut:
    """Keep a picture (JPEG, PNG, WebP or GIF, up to 20 MB); the same one again is the same picture.

    Refusals: files.not_an_image, files.too_big.
    """
    desk.require("products.edit")
    content = await data.file.read(MAX_BYTES + 1)
    row = await media.keep_picture(
        desk.session,
        desk.runtime.files,
        content,
        alt={alt_locale: alt.strip()} if alt.strip() else {},
    )
    return image_out(desk.brand.id, row.id, row.hash, row.alt, generated=row.generated)


console_routes = [
    list_products,
    show_product,
    post_product,
    put_product,
    bulk_products,
    list_categories,
    post_category,
    patch_category,
    delete_category,
    post_media,
]
