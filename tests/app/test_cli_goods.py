"""Goods and orders at a terminal: in once, out as they went in."""

import csv
import io
import json
import re

from tests.app.terminal import GOODS, refused
from tests.goods.orders.conftest import Stall


def test_goods_are_not_imported_into_a_brand_that_is_not_there(siyu, goods):
    assert "brands.unknown" in refused(siyu("import", "products", goods, "--brand", "nobody"))


def test_a_table_without_rows_is_refused(siyu, brand, tmp_path):
    file = tmp_path / "goods.csv"
    file.write_text("title,price,sku\n")
    assert "no rows" in refused(siyu("import", "products", file, "--brand", brand.slug))


# ── Goods in and out ──────────────────────────────────────────────────────────────────────────────


def test_a_catalogue_goes_in_once_and_comes_out_as_it_went_in(siyu, brand, goods, tmp_path):
    first = siyu("import", "products", goods, "--brand", brand.slug, "--json")
    assert first.status == 0
    assert (first.json["products"], first.json["rejected"]) == (3, [])
    again = siyu("import", "products", goods, "--brand", brand.slug, "--json").json
    assert (again["products"], again["updated"], again["unchanged"]) == (3, 0, 3)

    out = siyu("export", "products", "--brand", brand.slug)
    assert (out.status, out.err) == (0, "3 rows.\n")
    rows = list(csv.DictReader(io.StringIO(out.out)))
    assert {row["handle"]: row["sku"] for row in rows} == {
        "cup": "CUP-1", "ring": "RING-12", "tin": "TIN-50",
    }  # fmt: skip
    by_handle = {row["handle"]: row for row in rows}
    for given in csv.DictReader(io.StringIO(GOODS)):
        assert given.items() <= by_handle[given["handle"]].items()

    file = tmp_path / "out.csv"
    told = siyu("export", "products", "--brand", brand.slug, "--output", file)
    assert told.out == "" and str(file) in told.err
    assert file.read_text("utf-8-sig").splitlines() == out.out.splitlines()
    lines = siyu("export", "products", "--brand", brand.slug, "--json").out.splitlines()
    said = [{name: cell for name, cell in row.items() if cell} for row in rows]
    assert [json.loads(line) for line in lines] == said


async def test_orders_come_out_with_their_money_and_without_the_people_who_ordered(
    siyu, app, database, brand, rival, tmp_path
):
    stall = Stall(app, database, brand)
    shopper = await stall.shopper("王小明")
    tea = await stall.sku(price_minor=123_456_789, pieces=9)
    paid = await shopper.ordered({tea: 1}, 123_456_789)
    await shopper.pay(paid["id"])
    waits = await shopper.ordered({tea: 2}, 246_913_578)
    await stall.close()

    told = siyu("export", "orders", "--brand", brand.slug)
    assert (told.status, told.err) == (0, "2 rows.\n")
    first, second = csv.DictReader(io.StringIO(told.out))
    assert (first["number"], first["state"], first["quantity"]) == (paid["number"], "paid", "1")
    assert (first["goods"], first["freight"], first["total"]) == (
        "1234567.89",
        "0.00",
        "1234567.89",
    )
    assert first["paid_at"] and first["refunded"] == "0.00"
    assert (second["number"], second["state"], second["paid_at"]) == (waits["number"], "unpaid", "")
    assert (second["quantity"], second["total"]) == ("2", "2469135.78")
    for personal in (shopper.phone, "王小明", "文三路"):
        assert personal not in told.out

    lines = siyu("export", "orders", "--brand", brand.slug, "--json").out.splitlines()
    assert [json.loads(line) for line in lines] == [first, second]
    file = tmp_path / "orders.csv"
    written = siyu("export", "orders", "--brand", brand.slug, "-o", file)
    assert (written.status, written.out) == (0, "") and str(file) in written.err
    assert file.read_text("utf-8-sig").splitlines() == told.out.splitlines()
    assert siyu("export", "orders", "--brand", rival.slug).err == "0 rows.\n"


def test_what_one_brand_exports_another_imports_to_the_same(siyu, brand, rival, goods, tmp_path):
    siyu("import", "products", goods, "--brand", brand.slug)
    file = tmp_path / "all.csv"
    siyu("export", "products", "--brand", brand.slug, "-o", file)
    said = siyu("import", "products", file, "--brand", rival.slug, "--format", "siyu")
    assert said.status == 0 and "3 products, 3 variants" in said.out
    theirs = siyu("export", "products", "--brand", rival.slug).out
    assert theirs == siyu("export", "products", "--brand", brand.slug).out


def test_a_trial_import_keeps_nothing(siyu, brand, goods):
    said = siyu("import", "products", goods, "--brand", brand.slug, "--dry-run", "--json")
    assert (said.status, said.json["products"]) == (0, 3)
    assert siyu("export", "products", "--brand", brand.slug).err == "0 rows.\n"


def test_bad_rows_are_told_with_line_and_reason_and_the_rest_goes_in(siyu, brand, tmp_path):
    file, report = tmp_path / "mixed.csv", tmp_path / "refused.csv"
    file.write_text(GOODS + "bad,坏杯子,Bad,BAD-1,twelve,,1,on_sale\n")
    said = siyu("import", "products", file, "--brand", brand.slug, "--report", report)
    assert said.status == 1 and "line 5, price:" in said.out and "1 refused" in said.out
    (row,) = csv.DictReader(io.StringIO(report.read_text("utf-8-sig")))
    assert "5" in row.values() and "twelve" in row.values()
    assert siyu("export", "products", "--brand", brand.slug).err == "3 rows.\n"


def test_a_cell_that_a_spreadsheet_would_run_comes_out_as_text(siyu, brand, tmp_path):
    file = tmp_path / "sly.csv"
    titles = ["=1+1", "=HYPERLINK(1)", "+1+cmd|x", "-2+3", "@SUM(A1)", "-5", "plain"]
    file.write_text(
        GOODS.splitlines()[0] + "\n"
        + "".join(f'h{n},"{title}",T,S-{n},1.00,,1,draft\n' for n, title in enumerate(titles))
    )  # fmt: skip
    assert siyu("import", "products", file, "--brand", brand.slug).status == 0
    rows = csv.DictReader(io.StringIO(siyu("export", "products", "--brand", brand.slug).out))
    for row in rows:
        assert row["title"][:1] not in "=+@" and re.fullmatch(r"-\d+|[^-].*", row["title"])


def test_a_file_that_is_no_table_is_refused_in_one_sentence(siyu, brand, tmp_path):
    file = tmp_path / "picture.xlsx"
    file.write_bytes(b"\x89PNG\r\n" + bytes(range(256)))
    refused(siyu("import", "products", file, "--brand", brand.slug))
    refused(siyu("import", "products", file, "--brand", brand.slug, "--format", "word"))


def test_a_mapping_that_is_no_toml_is_refused_in_one_sentence(siyu, brand, goods, tmp_path):
    mapping = tmp_path / "map.toml"
    mapping.write_text("[[[")
    refused(siyu("import", "products", goods, "--brand", brand.slug, "--map", mapping))


def test_a_place_that_cannot_be_written_is_told_in_one_sentence(siyu, brand, goods, tmp_path):
    nowhere = tmp_path / "no" / "folder.csv"
    assert "folder.csv" in refused(siyu("export", "products", "--brand", brand.slug, "-o", nowhere))
    said = siyu("import", "products", goods, "--brand", brand.slug, "--report", nowhere)
    assert "folder.csv" in refused(said)
