"""Files made to hurt: each is refused with its reason, before it has taken memory or time."""

import gzip
import io
import time
import tracemalloc
import zipfile
from pathlib import Path

import pytest

from siyu.goods.catalogue.importing import ImportRefused, Limits, open_table

MIB = 2**20
HEAD = b"title,price,sku\n"
SHEET = (
    '<?xml version="1.0"?><worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
    "{before}<sheetData>{rows}</sheetData></worksheet>"
)
NAMED = (
    '<row r="1"><c r="A1" t="inlineStr"><is><t>title</t></is></c>'
    '<c r="B1" t="inlineStr"><is><t>price</t></is></c></row>'
)


def refusal(content: bytes, filename: str = "file", **limits: int) -> str:
    with pytest.raises(ImportRefused) as refused:
        list(open_table(content, filename, limits=Limits(**limits)))
    return str(refused.value.facts["reason"])


OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PARTS = {
    "[Content_Types].xml": "<Types/>",
    "_rels/.rels": f'<Relationships><Relationship Id="r" Type="{OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
    "xl/workbook.xml": f'<workbook xmlns:r="{OFFICE}"><sheets><sheet name="a" sheetId="1" r:id="r1"/></sheets></workbook>',
    "xl/_rels/workbook.xml.rels": (
        f'<Relationships><Relationship Id="r1" Type="{OFFICE}/worksheet" Target="worksheets/sheet1.xml"/>'
        f'<Relationship Id="r2" Type="{OFFICE}/styles" Target="/xl/styles.xml"/>'
        f'<Relationship Id="r3" Type="{OFFICE}/sharedStrings" Target="sharedStrings.xml"/></Relationships>'
    ),
    "xl/styles.xml": (
        '<styleSheet><numFmts><numFmt numFmtId="170" formatCode="yyyy&quot;年&quot;m"/></numFmts>'
        '<cellStyleXfs><xf numFmtId="14"/></cellStyleXfs>'
        '<cellXfs><xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="170"/></cellXfs></styleSheet>'
    ),
}


def workbook(rows: str, strings: str = "<sst/>", before: str = "") -> bytes:
    """A workbook whose only sheet and shared texts say this."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in PARTS.items():
            archive.writestr(name, content)
        archive.writestr("xl/worksheets/sheet1.xml", SHEET.format(before=before, rows=NAMED + rows))
        archive.writestr("xl/sharedStrings.xml", strings)
    return out.getvalue()


def packed(**members: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name.replace("__", "."), content)
    return out.getvalue()


def test_an_archive_in_an_archive_is_refused():
    inner = packed(goods__csv=HEAD)
    assert refusal(packed(inner__zip=inner)) == "nested"
    assert refusal(packed(goods__csv=inner)) == "nested"
    assert refusal(gzip.compress(gzip.compress(HEAD))) == "nested"


def test_an_archive_that_unpacks_to_far_too_much_is_refused():
    assert refusal(gzip.compress(HEAD + b"a,1,b\n" * 4_000_000)) == "packed_too_tightly"
    assert refusal(packed(goods__csv=HEAD + b"0" * 40 * MIB)) == "packed_too_tightly"
    assert refusal(gzip.compress(packed(goods__csv=b"0" * 40 * MIB))) == "packed_too_tightly"
    bomb = workbook("", "<sst>" + "<si><t>a</t></si>" * 2_000_000 + "</sst>")
    assert refusal(bomb, "a.xlsx") == "packed_too_tightly"


def test_shared_texts_beyond_the_limit_are_refused():
    book = workbook("", "<sst>" + "<si><t>a</t></si>" * 2_000 + "</sst>")
    assert refusal(book, "a.xlsx", shared_strings=10_000) == "too_big"
    assert list(open_table(book, "a.xlsx")) == []


def test_shared_texts_dates_and_numbers_are_what_a_person_reads():
    strings = (
        "<sst><si><t>玉镯</t></si><si><r><t>和田</t></r><r><t xml:space='preserve'> 玉</t></r>"
        "<rPh sb='0' eb='1'><t>ホータン</t></rPh></si></sst>"
    )
    cells = [
        ('<c r="A{}" t="s"><v>0</v></c>', "玉镯"), ('<c r="A{}" t="s"><v>1</v></c>', "和田 玉"),
        ('<c r="A{}"><v>0.30000000000000004</v></c>', "0.3"), ('<c r="A{}"><v>1E7</v></c>', "10000000"),
        ('<c r="A{}"><v>12.50</v></c>', "12.5"), ('<c r="A{}"><v>-5</v></c>', "-5"), ('<c r="A{}" t="b"><v>1</v></c>', "true"),
        ('<c r="A{}" s="1"><v>45292</v></c>', "2024-01-01T00:00:00"), ('<c r="A{}" s="2"><v>45292.5</v></c>', "2024-01-01T12:00:00"),
        ('<c r="A{}" t="str"><f>1+1</f><v>formula</v></c>', "formula"), ('<c r="A{}" t="e"><v>#N/A</v></c>', "#N/A"),
    ]  # fmt: skip
    rows = "".join(f'<row r="{n}">{cell.format(n)}</row>' for n, (cell, _) in enumerate(cells, 2))
    read = [(line, row["title"]) for line, row in open_table(workbook(rows, strings), "a.xlsx")]
    assert read == [(n, text) for n, (_, text) in enumerate(cells, 2)]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (HEAD + b"a,1,b," * 3_000_000, "line_too_long"),
        (b"a," * 9 * MIB, "line_too_long"),
        (HEAD + b'"a\n",' * 2_000_000, "line_too_long"),
        (HEAD + b"x" * 2 * MIB + b",1,a\n", "cell_too_long"),
        (HEAD + b'"never closed\n' + b"b,1,c\n" * 1_000_000, "cell_too_long"),
        (b",".join(b"c%d" % n for n in range(600)) + b"\n" + b"1," * 600, "too_many_columns"),
        (HEAD + b"a,\0,b\n", "not_a_table"),
        (b"\0" * MIB, "not_a_table"),
        ("title,price\n镯,1\n".encode("utf-16-le"), "unknown_encoding"),
        ("title,price\nring,1\n".encode("utf-16-le"), "not_a_table"),
        (b"\xff\xfet\0i\0t\0l\0e\0,", "unknown_encoding"),
        (b"\xff\xfe\x00\xd8,\0p\0\n\0", "unknown_encoding"),
    ],
)
def test_endless_lines_cells_headers_and_broken_texts_are_refused(text: bytes, reason: str):
    assert refusal(text) == reason


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig", "gbk", "gb18030"])
@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
def test_a_good_table_is_read_in_each_encoding(encoding: str, ends: str):
    text = ends.join(["title,price", "镯,1", ""])
    (row,) = [row for _, row in open_table(text.encode(encoding), "a.csv")]
    assert row == {"title": "镯", "price": "1"}


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ('<row r="2"><c r="XFD2"><v>1</v></c></row>', "too_many_columns"),
        ('<row r="2"><c r="ZZZZ2"><v>1</v></c></row>', "damaged"),
        ('<row r="2"><c r="A2" t="s"><v>99999999</v></c></row>', "damaged"),
        ('<row r="2"><c r="A2" t="s"><v>-1</v></c></row>', "damaged"),
        ('<row r="2"><c r="A2"><v>one</v></c></row>', "damaged"),
        ('<row r="2"><c r="A2" t="str"><v>' + "x" * (2 * MIB) + "</v></c></row>", "cell_too_long"),
        ('<row r="two"/>', "damaged"),
        ('<row r="2"><c r="A2"><v>1</v></row>', "damaged"),
    ],
)
def test_a_sheet_that_says_something_impossible_is_refused(rows: str, reason: str):
    assert refusal(workbook(rows), "a.xlsx") == reason


def test_entities_of_the_files_own_are_refused_wherever_they_hide():
    assert refusal(workbook('<row r="2"><c r="A2" t="str"><v>&b;</v></c></row>'), "a") == "damaged"
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    late = f'<?xml version="1.0"?><!--{" " * 5000}-->{bomb}<sst><si><t>&b;</t></si></sst>'
    assert refusal(workbook("", late), "a.xlsx") == "damaged"


def test_two_cells_a_whole_sheet_apart_take_no_memory():
    far = '<row r="1048576"><c r="C1048576" t="str"><v>far</v></c></row>'
    content = workbook(far)
    tracemalloc.start()
    began = time.process_time()
    try:
        ((line, row),) = list(open_table(content, "a.xlsx"))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert line == 1_048_576 and "far" in next(value for key, value in row.items() if not key)
    assert peak < 8 * MIB and time.process_time() - began < 5


def test_a_long_table_is_read_with_flat_memory(tmp_path: Path):
    path = tmp_path / "goods.csv"
    path.write_bytes(HEAD + b"".join(b"jade bangle,%d,S-%d\n" % (n, n) for n in range(30_000)))
    tracemalloc.start()
    try:
        assert sum(1 for _ in open_table(path)) == 30_000
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 5 * MIB
