"""Whatever a merchant's system exports is opened, or refused with one clear reason."""

import gzip
import io
import zipfile
from contextlib import suppress
from datetime import date
from pathlib import Path

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from siyu.goods.catalogue.importing import ImportRefused, Limits, Table, open_table

TEXT = "商品名称,售价,库存\n翡翠手镯,1280.00,3\n白茶饼,358,12\n"
ROWS = [
    (2, {"商品名称": "翡翠手镯", "售价": "1280.00", "库存": "3"}),
    (3, {"商品名称": "白茶饼", "售价": "358", "库存": "12"}),
]


def table_of(text: str, filename: str = "goods.csv", limits: Limits | None = None) -> Table:
    return open_table(text.encode(), filename, limits=limits or Limits())


def sheet(*rows: tuple[str | float | bool | date | None, ...]) -> bytes:
    book = openpyxl.Workbook()
    page = book.active
    assert page is not None
    for row in rows:
        page.append(row)
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


WORKBOOK = sheet(("title", "price"), ("a", 1.5), ("b", "2"))


def refusal(source: Path | bytes, filename: str = "", limits: Limits | None = None) -> str:
    with pytest.raises(ImportRefused) as refused:
        list(open_table(source, filename, limits=limits or Limits()))
    assert refused.value.facts["reason_text"].keys() == {"zh-CN", "en"}
    return refused.value.facts["reason"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "gb18030", "utf-16"])
def test_chinese_text_is_read_in_every_usual_encoding(encoding: str):
    table = open_table(TEXT.encode(encoding), "goods.csv")
    assert table.header == ("商品名称", "售价", "库存")
    assert list(table) == ROWS


def test_a_table_can_be_read_again_and_again_from_the_top():
    table = table_of(TEXT)
    assert list(table) == list(table) == ROWS
    assert table.sample(1) == [["翡翠手镯", "1280.00", "3"]]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found(delimiter: str):
    assert list(table_of(TEXT.replace(",", delimiter))) == ROWS


def test_an_export_that_names_its_delimiter_is_believed():
    assert [row for _, row in table_of("sep=;\n" + TEXT.replace(",", ";"))] == [
        row for _, row in ROWS
    ]


def test_a_gzipped_file_is_read_as_what_is_inside(tmp_path: Path):
    path = tmp_path / "goods.csv.gz"
    path.write_bytes(gzip.compress(TEXT.encode("gbk")))
    table = open_table(path)
    assert (table.name, list(table)) == ("goods", ROWS)


def test_a_gzipped_workbook_is_read_too():
    content = gzip.compress(sheet(("title", "price"), ("Ring", 5)))
    assert list(open_table(content, "goods.xlsx.gz")) == [(2, {"title": "Ring", "price": "5"})]


def test_the_line_number_is_where_a_record_with_line_breaks_begins():
    table = table_of('title,price\n"two\nlines",1\nnext,2\n\nlast,3\n')
    assert [line for line, _ in table] == [2, 4, 6]


def test_a_title_above_the_header_is_skipped_and_so_are_empty_rows():
    table = table_of("商品导出 2026,,\n\n商品名称,售价,库存\n翡翠手镯,1280.00,3\n,,\n")
    assert table.header == ("商品名称", "售价", "库存")
    assert list(table) == [(4, ROWS[0][1])]


def test_repeated_and_empty_column_names_stay_apart():
    table = table_of("title,price,,price\na,1,x,2\n")
    assert table.header == ("title", "price", "#3", "price (2)")


def test_short_rows_are_filled_and_long_rows_keep_the_rest():
    rows = [row for _, row in table_of("title,price,stock\na\nb,1,2,3,4\n")]
    assert rows == [
        {"title": "a", "price": "", "stock": ""},
        {"title": "b", "price": "1", "stock": "2", "": "3 | 4"},
    ]


def test_a_workbook_shows_what_a_person_reads_in_its_cells():
    content = sheet(
        ("title", "price", "stock", "barcode", "new", "since"),
        ("手镯", 19.99, 10.0, 6901234567892, True, date(2026, 5, 20)),
        ("总和", 0.1 + 0.2, None, "0012", False, None),
    )
    assert [list(row.values()) for _, row in open_table(content, "goods.xlsx")] == [
        ["手镯", "19.99", "10", "6901234567892", "true", "2026-05-20T00:00:00"],
        ["总和", "0.3", "", "0012", "false", ""],
    ]


def test_the_first_sheet_that_has_a_header_is_taken():
    book = openpyxl.Workbook()
    second = book.create_sheet("商品")
    second.append(["title", "price"])
    second.append(["Ring", 5])
    content = io.BytesIO()
    book.save(content)
    assert open_table(content.getvalue(), "x.xlsx").header == ("title", "price")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("photo.png", b"\x89PNG\r\n\x1a\n" + bytes(range(256))),
        ("photo.heic", bytes(range(1, 256)) * 40),
        ("goods.csv.gz", bytes(range(1, 256)) * 40),
        ("goods.csv.gz", gzip.compress(b"\x89PNG\r\n\x1a\n" + bytes(range(256)))),
        ("goods.csv", bytes(range(1, 256)) * 40),
        ("note.png", b"a word"),
        ("Caf\xe9.docx", b"title,price\nCaf\xe9,1\n"),
    ],
)
def test_of_a_file_that_is_no_table_nothing_is_said_about_its_text(name: str, content: bytes):
    assert refusal(content, name) == "not_a_table"


def test_a_zip_of_tables_is_one_table_with_siblings():
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("out/shop_brand.csv", "id,name\n1,澜玉\n")
        goods = "id,goods_sn,name,retail_price,gallery\n7,7,茶罐,58.00,[]\n"
        archive.writestr("out/shop_goods.csv.gz", gzip.compress(goods.encode()))
        archive.writestr("out/readme.pdf", b"%PDF")
    table = open_table(content.getvalue(), "export.zip")
    assert (table.name, list(table.siblings)) == ("shop_goods", ["shop_brand"])


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"\n\n\n", "empty"),
        (b"just one word\nand another\n", "no_header"),
        (b"%PDF-1.7 ...", "not_a_table"),
        (b"title,price\n\0\0\0,1\n", "not_a_table"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "old_excel"),
        (b"PK\x03\x04 and nothing more", "damaged"),
        (gzip.compress(TEXT.encode(), mtime=0)[:-9], "damaged"),
        (b"\x1f\x8b\x08\x00 not really", "damaged"),
        (b"title,price\nCaf\xe9,1\n", "unknown_encoding"),
        (gzip.compress(b"title,price\n" + b"a" * 20_000_000, mtime=0), "packed_too_tightly"),
    ],
)
def test_what_is_no_table_is_refused_with_its_reason(content: bytes, reason: str):
    assert refusal(content, "file") == reason


def test_a_file_beyond_the_limits_is_refused():
    rows = TEXT + "x,1,1\n" * 50
    assert refusal(rows.encode(), limits=Limits(packed=100)) == "too_big"
    assert refusal(rows.encode(), limits=Limits(unpacked=100)) == "too_big"
    assert refusal(gzip.compress(rows.encode()), limits=Limits(unpacked=100)) == "too_big"
    assert refusal(rows.encode(), limits=Limits(rows=20)) == "too_many_rows"
    assert refusal(TEXT.encode(), limits=Limits(columns=2)) == "too_many_columns"
    assert refusal(sheet(("title", "price")), limits=Limits(workbook=100)) == "too_big"


def test_a_quotation_mark_that_never_closes_is_named_as_such():
    text = 'title,price\n"open,1\n' + "row,1\n" * 1000
    assert refusal(text.encode(), limits=Limits(cell=2000)) == "cell_too_long"


def test_a_workbook_that_unpacks_to_far_too_much_is_refused():
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("xl/worksheets/sheet1.xml", b"0" * 40_000_000)
    assert refusal(content.getvalue(), "bomb.xlsx") == "packed_too_tightly"


def test_a_workbook_that_brings_its_own_entities_is_refused():
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr(
            "xl/workbook.xml", '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "b">]><x/>'
        )
    assert refusal(content.getvalue(), "x.xlsx") == "damaged"


@settings(max_examples=150, deadline=None)
@given(
    changes=st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), min_size=1, max_size=5)
)
def test_a_damaged_workbook_is_read_or_refused(changes: list[tuple[int, int]]):
    content = bytearray(WORKBOOK)
    for place, value in changes:
        content[place % len(content)] = value
    with suppress(ImportRefused):
        list(open_table(bytes(content), "x.xlsx"))


@given(content=st.binary(max_size=200))
def test_any_bytes_are_a_table_or_refused(content: bytes):
    with suppress(ImportRefused):
        list(open_table(content, "x"))
