from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from siyu.goods.catalogue.importing import cells
from siyu.goods.catalogue.importing.cells import CellRefused


@pytest.mark.parametrize(
    ("text", "minor"),
    [
        ("0", 0),
        ("19.9", 1990),
        ("¥1,234.50", 123450),
        ("￥ 88 元", 8800),
        ("$42.990", 4299),
        ("１２８．００", 12800),
        (".5", 50),
        ("1234567.89", 123456789),
    ],
)
def test_a_price_is_read_exactly(text: str, minor: int):
    assert cells.amount_minor(text, "CNY") == minor


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("面议", "not_a_number"),
        ("", "not_a_number"),
        ("1,23", "not_a_number"),
        ("1.2.3", "not_a_number"),
        ("1e5", "not_a_number"),
        ("1_000", "not_a_number"),
        ("NaN", "not_a_number"),
        ("-5", "negative"),
        ("9.999", "too_fine"),
        ("99999999999", "too_large"),
    ],
)
def test_what_is_no_price_is_refused(text: str, code: str):
    with pytest.raises(CellRefused) as refused:
        cells.amount_minor(text, "CNY")
    assert refused.value.code == code


def test_a_price_in_fen_or_in_a_currency_without_decimals_has_none():
    assert cells.amount_minor("1280", "CNY", "fen") == 1280
    assert cells.amount_minor("1280", "JPY") == 1280
    with pytest.raises(CellRefused):
        cells.amount_minor("12.80", "JPY")


@given(minor=st.integers(0, cells.MAX_PRICE_MINOR))
def test_every_amount_survives_being_written_as_yuan(minor: int):
    assert cells.amount_minor(f"{minor // 100:,}.{minor % 100:02}", "CNY") == minor


@given(text=st.text())
def test_a_number_is_read_or_refused_and_nothing_else_happens(text: str):
    for read in (
        lambda: cells.amount_minor(text, "CNY"),
        lambda: cells.count(text),
        lambda: cells.grams(text),
    ):
        with suppress(CellRefused):
            assert read() >= 0


def test_weights_are_rounded_to_grams():
    assert cells.grams("12.36") == 12
    assert cells.grams("0.5") == 1
    assert cells.grams("0.0125", 1000) == 13
    assert cells.grams("1.333333333333", 1000) == 1333


@pytest.mark.parametrize(
    "html",
    [
        "<script>alert(1)</script>",
        "<SCRIPT src=//evil.example/x.js></SCRIPT>",
        "<p>fine</p><script >x",
        '<img src="x" onerror="alert(1)">',
        "<img src=x ONERROR = alert(1)>",
        "<svg/onload=alert(1)>",
        "<svg><script>alert(1)</script></svg>",
        '<a href="javascript:alert(1)">x</a>',
        '<a href=" java\tscript:alert(1)">x</a>',
        '<a href="&#106;avascript&colon;alert(1)">x</a>',
        '<a href="vbscript:x">x</a>',
        '<iframe src="data:text/html,<b>x</b>"></iframe>',
        '<body onload="x">',
    ],
)
def test_a_script_in_html_is_refused(html: str):
    with pytest.raises(CellRefused) as refused:
        cells.safe_html(html)
    assert refused.value.code == "script_in_html"


@pytest.mark.parametrize(
    ("html", "kept"),
    [
        ("<p>天然<b>A货</b></p>", "<p>天然<b>A货</b></p>"),
        ('<p class="x" style="color:red">x</p>', "<p>x</p>"),
        ("<font color=red>x</font>", "x"),
        ("<iframe src='https://v.example/1'></iframe><p>x</p>", "<p>x</p>"),
        ("how to wear it, on = off, 5 < 6 & 7", "how to wear it, on = off, 5 &lt; 6 &amp; 7"),
        (
            "a javascript: tutorial and a &lt;script&gt;",
            "a javascript: tutorial and a &lt;script&gt;",
        ),
        ("plain description", "plain description"),
    ],
)
def test_harmless_html_is_only_tidied(html: str, kept: str):
    assert cells.safe_html(html) == kept


@given(html=st.text(alphabet="<>=\"'/! scriptonerj:&#;[-", max_size=80))
def test_html_is_tidied_or_refused_and_tidying_twice_changes_nothing(html: str):
    try:
        once = cells.safe_html(html)
    except CellRefused:
        return
    assert "<script" not in once
    assert cells.safe_html(once) == once


def test_pictures_inside_a_description_are_listed():
    html = cells.safe_html(
        '<p><img src="http://a.example/1.jpg?x=1&amp;y=2"><img src="/local.png"></p>'
    )
    assert cells.images_in(html) == ("http://a.example/1.jpg?x=1&y=2",)


def test_image_cells_are_split_without_cutting_an_address():
    text = "https://a.example/1,2.jpg,https://a.example/3.jpg //b.example/4.jpg | https://a.example/3.jpg"
    assert list(cells.image_urls(text)) == [
        "https://a.example/1,2.jpg",
        "https://a.example/3.jpg",
        "https://b.example/4.jpg",
    ]
    for wrong in ("photo.jpg", "ftp://a.example/1.jpg", "https://", "file:///etc/passwd"):
        with pytest.raises(CellRefused):
            list(cells.image_urls(wrong))


def test_lists_and_paths_are_split_as_people_write_them():
    assert cells.words("翡翠、手镯，送礼;翡翠") == ("翡翠", "手镯", "送礼")
    assert cells.steps("首饰 > 手镯") == cells.steps("首饰/手镯") == ("首饰", "手镯")
