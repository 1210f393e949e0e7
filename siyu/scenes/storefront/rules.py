"""The six kinds of block and what a page may be. Pure."""

from typing import Annotated, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from siyu.kernel.effective.rules import Setting, declare
from siyu.kernel.errors import Refusal
from siyu.scenes.links.rules import Target

LocaleText = dict[Annotated[str, Meta(max_length=10)], Annotated[str, Meta(max_length=2000)]]
BlockId = Annotated[str, Meta(min_length=1, max_length=40)]
MAX_BLOCKS = 40
KEYS = ("home",)
TITLES = {"home": {"zh-CN": "店铺首页", "en": "Shop home"}}
SHOWN: dict[str, Setting[int | None]] = {
    key: declare(
        Setting[int | None](
            code=f"storefront.{key}",
            kind="reference",
            default=None,
            label=TITLES[key],
            note={
                "zh-CN": "顾客看到的是第几版，在店铺装修里发布和定时。",
                "en": "Which version shoppers see; published and scheduled in the storefront editor.",
            },
        )
    )
    for key in KEYS
}
"""The number of the version that each page shows."""


class BannerItem(msgspec.Struct, frozen=True):
    """One picture with words; ``link_text`` is the words of the way on."""

    title: LocaleText
    image_id: UUID | None = None
    eyebrow: LocaleText = {}
    text: LocaleText = {}
    link: Target = Target("none")
    link_text: LocaleText = {}


class Banner(msgspec.Struct, frozen=True, tag_field="type", tag="banner"):
    """A large picture, or several to swipe."""

    id: BlockId
    items: Annotated[list[BannerItem], Meta(min_length=1, max_length=8)]


class Categories(msgspec.Struct, frozen=True, tag_field="type", tag="categories"):
    """Ways into categories; none named = the first level."""

    id: BlockId
    category_ids: Annotated[list[UUID], Meta(max_length=20)] = []


class ProductSource(msgspec.Struct, frozen=True):
    """Which products: named ones, a category's, or the newest."""

    kind: Literal["ids", "category", "newest"]
    ids: Annotated[list[UUID], Meta(max_length=40)] = []
    category_id: UUID | None = None
    limit: Annotated[int, Meta(ge=1, le=40)] = 8


class ProductRow(msgspec.Struct, frozen=True, tag_field="type", tag="product_row"):
    """Products side by side, to swipe."""

    id: BlockId
    title: LocaleText
    source: ProductSource


class ProductGrid(msgspec.Struct, frozen=True, tag_field="type", tag="product_grid"):
    """Products in two columns."""

    id: BlockId
    title: LocaleText
    source: ProductSource


class TextImage(msgspec.Struct, frozen=True, tag_field="type", tag="text_image"):
    """Words beside or below a picture."""

    id: BlockId
    title: LocaleText
    text: LocaleText
    image_id: UUID | None = None
    side: Literal["left", "right", "top"] = "top"


class Store(msgspec.Struct, frozen=True, tag_field="type", tag="store"):
    """Stores to visit; none named = all open ones, three at most."""

    id: BlockId
    title: LocaleText
    unit_ids: Annotated[list[UUID], Meta(max_length=20)] = []


Block = Banner | Categories | ProductRow | ProductGrid | TextImage | Store


class DoubleBlock(Refusal):
    """Two blocks of a page have the same id."""

    code = "storefront.double_block"
    status = 422
    detail = "Two blocks have the same id. Give each its own."


class TooManyBlocks(Refusal):
    """A page is too long to load well on a phone."""

    code = "storefront.too_many_blocks"
    status = 422
    detail = f"A page may have {MAX_BLOCKS} blocks at most."


class DraftMoved(Refusal):
    """Somebody else saved the draft meanwhile; ``facts``: draft_version."""

    code = "storefront.changed_meanwhile"
    detail = "Somebody else saved this page meanwhile. Load it again and repeat your change."


class NothingNew(Refusal):
    """The draft is what is published already."""

    code = "storefront.nothing_new"
    detail = "The draft is the same as the published page."


def checked(blocks: list[Block]) -> list[Block]:
    """The blocks, if they make a page. Raises ``TooManyBlocks``, ``DoubleBlock``."""
    if len(blocks) > MAX_BLOCKS:
        raise TooManyBlocks(blocks=len(blocks))
    ids = [block.id for block in blocks]
    if len(set(ids)) < len(ids):
        raise DoubleBlock(id=next(one for one in ids if ids.count(one) > 1))
    return blocks


def images_of(blocks: list[Block]) -> set[UUID]:
    """The pictures that blocks show."""
    found: set[UUID | None] = set()
    for block in blocks:
        if isinstance(block, Banner):
            found |= {item.image_id for item in block.items}
        elif isinstance(block, TextImage):
            found.add(block.image_id)
    return {one for one in found if one is not None}
