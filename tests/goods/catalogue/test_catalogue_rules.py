"""What an edit means, as properties."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from siyu.goods.catalogue import editing, rules
from siyu.goods.catalogue.rules import CategoryCircle
from siyu.goods.catalogue.shapes import OptionIn, ProductIn, SkuIn, Whole
from siyu.goods.catalogue.showing import pictures_in, shown_html, stored_html
from siyu.kernel.ids import new_id
from siyu.kernel.search import tokens, wanted

NOW = datetime(2026, 5, 1, tzinfo=UTC)
words = st.text("玉镯茶金银红绿蓝abcDEF 123-", min_size=1, max_size=12).filter(str.strip)
names = st.fixed_dictionaries({"zh-CN": words}, optional={"en": words})
times = st.none() | st.integers(0, 365).map(
    lambda days: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=days)
)


@st.composite
def products(draw: st.DrawFn) -> ProductIn:
    """A product that an editor could hand in."""
    options = [
        OptionIn(
            {"zh-CN": name},
            [
                {"zh-CN": value}
                for value in draw(st.lists(words, min_size=1, max_size=4, unique=True))
            ],
        )
        for name in draw(st.lists(words, max_size=2, unique=True))
    ]
    combinations = [()]
    for option in options:
        combinations = [(*one, n) for one in combinations for n in range(len(option.values))]
    chosen = draw(st.lists(st.sampled_from(combinations), min_size=1, max_size=6, unique=True))
    skus = [
        SkuIn(code="", option_values=list(one), price_minor=draw(st.integers(0, 10**6)))
        for one in chosen
    ]
    return ProductIn(
        title=draw(names),
        skus=skus,
        options=options,
        status=draw(st.sampled_from(["draft", "on_sale", "off"])),
    )


def handed_back(product: Whole, **changes) -> ProductIn:
    """What an editor sends that changes nothing."""
    at = [{value.id: n for n, value in enumerate(option.values)} for option in product.options]
    fields: dict[str, Any] = {
        "title": product.title,
        "handle": product.handle,
        "status": product.status,
        "options": [OptionIn(o.name, [v.name for v in o.values]) for o in product.options],
        "skus": [
            SkuIn(s.code, [at[n][one] for n, one in enumerate(s.value_ids)], s.price_minor)
            for s in product.on_offer
        ],
    }
    return ProductIn(**{**fields, **changes})


@given(products())
def test_handing_a_product_back_changes_nothing_but_its_version(wanted):
    product = editing.plan(None, wanted, NOW, new_id)
    again = editing.plan(product, handed_back(product), NOW, new_id)
    assert again.version == product.version + 1
    for name in (
        "id",
        "handle",
        "title",
        "options",
        "skus",
        "status",
        "words",
        "price_range",
        "published_at",
    ):
        assert getattr(again, name) == getattr(product, name)


@given(products(), products())
def test_no_sku_is_ever_lost_and_no_two_are_offered_for_one_choice(first, second):
    before = editing.plan(None, first, NOW, new_id)
    after = editing.plan(before, second, NOW, new_id)
    ids = [sku.id for sku in after.skus]
    assert len(set(ids)) == len(ids) and {sku.id for sku in before.skus} <= set(ids)
    choices = [tuple(sku.value_ids) for sku in after.on_offer]
    assert len(set(choices)) == len(choices) == len(second.skus)
    codes = [sku.code for sku in after.on_offer]
    assert len(set(codes)) == len(codes)


@given(products())
def test_a_product_is_found_by_any_part_of_its_title(wanted_product):
    product = editing.plan(None, wanted_product, NOW, new_id)
    found_by = set(product.words.split(" "))
    for title in product.title.values():
        assert {word for word in tokens(title) if " " not in word} <= found_by
        assert set(wanted(title)) <= found_by


@given(products())
def test_an_import_adds_to_the_texts_of_other_languages(wanted_product):
    before = editing.plan(None, wanted_product, NOW, new_id)
    after = editing.plan(before, handed_back(before, title={"fr": "jade"}), NOW, new_id, merge=True)
    assert after.title == {**before.title, "fr": "jade"}


@given(products(), st.data())
def test_an_import_that_lost_rows_takes_nothing_off_sale(wanted_product, data):
    before = editing.plan(None, wanted_product, NOW, new_id)
    kept = data.draw(
        st.lists(
            st.sampled_from(wanted_product.skus),
            min_size=1,
            unique_by=lambda s: tuple(s.option_values),
        )
    )
    after = editing.plan(
        before, handed_back(before, skus=kept), NOW, new_id, merge=True, keep_missing=True
    )
    assert {sku.id for sku in after.on_offer} == {sku.id for sku in before.on_offer}


@given(st.lists(names, max_size=6), st.lists(names, max_size=6))
def test_each_earlier_name_is_taken_at_most_once_and_equal_lists_match_in_place(before, after):
    found = [index for index in editing.match(before, after) if index is not None]
    assert len(set(found)) == len(found)
    once = list({name["zh-CN"]: name for name in before}.values())
    assert editing.match(once, once) == list(range(len(once)))


@given(st.sampled_from(["draft", "scheduled", "on_sale", "off"]), times, times)
def test_time_only_ever_moves_a_product_forward(status, on_sale_at, off_at):
    then = rules.status_at(status, on_sale_at, off_at, NOW)
    later = rules.status_at(then, on_sale_at, off_at, NOW + timedelta(days=400))
    order = {"draft": 0, "scheduled": 1, "on_sale": 2, "off": 3}
    assert order[then] >= order[status] and order[later] >= order[then]
    assert (then == "draft") == (status == "draft")


@given(st.lists(names, min_size=1, max_size=3))
def test_a_label_names_every_choice_in_every_language(values):
    label = editing.label_of(values)
    assert set(label) == {locale for value in values for locale in value}
    assert all(len(text.split(editing.SEPARATOR)) >= len(values) for text in label.values())


@given(
    st.dictionaries(st.sampled_from(["zh-CN", "zh-TW", "en", "fr"]), words, max_size=4),
    st.sampled_from(["zh-CN", "en-GB", "de"]),
)
def test_something_is_said_whenever_there_is_something_to_say(text, locale):
    said = rules.said(text, locale)
    assert said in (*text.values(), "") and bool(said) == bool(text)


def test_a_category_never_stands_below_itself_or_too_deep():
    ids = [UUID(int=n) for n in range(8)]
    chain = dict(zip(ids, [None, *ids], strict=False))
    assert rules.depth_of(ids[2], chain.__getitem__) == 3
    with pytest.raises(CategoryCircle):
        rules.depth_of(ids[3], chain.__getitem__)
    with pytest.raises(CategoryCircle):
        rules.depth_of(ids[0], {ids[0]: ids[1], ids[1]: ids[0]}.__getitem__)


def test_pictures_in_a_text_are_named_by_id_and_foreign_ones_lose_their_address():
    class Picture:
        url = "http://media.localhost/media/00000000000000000000000000000001/abc/800.webp"

    one = new_id()
    html = '<p>x</p><img src="https://a.example/1.jpg?a=1&amp;b=2" alt="y"><img src="https://b.example/2.jpg">'
    stored = stored_html(html, {"https://a.example/1.jpg?a=1&b=2": one})
    assert stored == f'<p>x</p><img src="media:{one.hex}" alt="y"><img src="">'
    assert pictures_in({"zh-CN": stored}) == [one]
    shown = shown_html({"zh-CN": stored}, {one: Picture()})["zh-CN"]
    assert f'src="{Picture.url}#m{one.hex}"' in shown
    assert stored_html(shown, {}) == stored
