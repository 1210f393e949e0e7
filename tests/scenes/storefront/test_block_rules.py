"""Laws of pages: what a page is made of survives being kept, and its pictures are all known."""

import json
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from siyu.scenes.links.rules import Target
from siyu.scenes.storefront import rules
from siyu.scenes.storefront.rules import (
    Banner,
    BannerItem,
    Block,
    Categories,
    DoubleBlock,
    ProductGrid,
    ProductRow,
    ProductSource,
    Store,
    TextImage,
    TooManyBlocks,
)

ids = st.uuids()
texts = st.dictionaries(st.sampled_from(["zh-CN", "en"]), st.text(max_size=20))
names = st.text(min_size=1, max_size=8)
targets = st.builds(
    Target, st.sampled_from(["none", "product", "category", "page"]), st.text(max_size=8)
)
items = st.builds(BannerItem, texts, st.none() | ids, texts, texts, targets, texts)
sources = st.builds(
    ProductSource, st.sampled_from(["ids", "category", "newest"]), st.lists(ids, max_size=3),
    st.none() | ids, st.integers(1, 40),
)  # fmt: skip
blocks = st.one_of(
    st.builds(Banner, names, st.lists(items, min_size=1, max_size=3)),
    st.builds(Categories, names, st.lists(ids, max_size=3)),
    st.builds(ProductRow, names, texts, sources),
    st.builds(ProductGrid, names, texts, sources),
    st.builds(TextImage, names, texts, texts, st.none() | ids, st.sampled_from(["left", "right", "top"])),
    st.builds(Store, names, texts, st.lists(ids, max_size=3)),
)  # fmt: skip
pages = st.lists(blocks, max_size=5, unique_by=lambda block: block.id)


@given(pages)
def test_a_page_comes_back_from_the_shelf_as_it_was_put_there(page):
    kept = msgspec.json.encode(page)
    assert msgspec.json.decode(kept, type=list[Block]) == page
    assert msgspec.convert(json.loads(kept), list[Block]) == page  # as PostgreSQL hands it out
    assert rules.checked(page) == page


@given(pages)
def test_every_picture_of_a_page_is_known_and_nothing_else_is_taken_for_one(page):
    shown = rules.images_of(page)
    said = json.loads(msgspec.json.encode(page))
    assert shown == set(pictures_in(said))


def pictures_in(value) -> list[UUID]:
    """Every ``image_id`` anywhere inside."""
    if isinstance(value, list):
        return [one for part in value for one in pictures_in(part)]
    if not isinstance(value, dict):
        return []
    found = [UUID(value["image_id"])] if value.get("image_id") else []
    return found + [one for part in value.values() for one in pictures_in(part)]


@given(pages.filter(bool), st.data())
def test_a_block_that_is_there_twice_is_refused_wherever_it_stands(page, data):
    twice = data.draw(st.permutations([*page, data.draw(st.sampled_from(page))]))
    with pytest.raises(DoubleBlock) as refused:
        rules.checked(twice)
    assert [block.id for block in twice].count(refused.value.facts["id"]) == 2


@given(st.integers(1, 60))
def test_a_page_ends_where_a_phone_would_give_up(length):
    page: list[Block] = [Categories(f"b{number}") for number in range(length)]
    if length > rules.MAX_BLOCKS:
        with pytest.raises(TooManyBlocks):
            rules.checked(page)
    else:
        assert rules.checked(page) == page


@given(blocks, st.sampled_from(["script", "html", "video", ""]))
def test_a_block_of_another_kind_is_not_taken(block, kind):
    said = {**json.loads(msgspec.json.encode(block)), "type": kind}
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert([said], list[Block])
