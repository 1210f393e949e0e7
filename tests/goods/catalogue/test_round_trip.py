"""What is exported and imported again changes nothing, whatever staff have typed."""

import io
from uuid import UUID

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from siyu.goods.catalogue import ProductIn, run_import, save_product, write_catalogue
from siyu.goods.catalogue.importing import cells
from siyu.goods.catalogue.queries.whole import whole_products
from siyu.kernel.checks import run_checks
from siyu.kernel.money import MINOR_DIGITS, to_minor, to_text

from .conftest import edited, jade, picture

pytestmark = pytest.mark.usefixtures("app")
LETTERS = st.characters(
    categories=["Lu", "Ll", "Nd", "Lo"], include_characters=" ,;=+-@'\"<>&/|、；#:￥()\n"
)
WORDS = st.text(LETTERS, min_size=1, max_size=12).map(str.strip).filter(bool)
LOCALES = st.sampled_from([("zh-CN",), ("en",), ("zh-CN", "en")])


@st.composite
def products(draw):
    """A product as the console hands it in; names in it are unique where they must be."""
    locales = draw(LOCALES)

    def said():
        return {locale: draw(WORDS) for locale in locales}

    def names(least, most):
        found = draw(st.lists(WORDS, min_size=least, max_size=most, unique=True))
        return [dict.fromkeys(locales, name) for name in found]

    options = [{"name": name, "values": names(1, 3)} for name in names(0, 2)]
    combinations = [[]]
    for option in options:
        combinations = [[*one, n] for one in combinations for n in range(len(option["values"]))]
    return {
        "title": said(),
        "subtitle": said(),
        "description_html": {locale: f"<p>{draw(st.integers())}</p>" for locale in locales},
        "status": draw(st.sampled_from(["draft", "on_sale", "off"])),
        "tags": draw(st.lists(WORDS, max_size=3)),
        "attributes": [{"name": name, "value": said()} for name in names(0, 2)],
        "options": options,
        "skus": [
            {
                "code": "",
                "option_values": chosen,
                "price_minor": draw(st.integers(0, 10**11)),
                "weight_g": draw(st.integers(0, 10**6)),
                "on_hand": draw(st.integers(0, 999)),
            }
            for chosen in combinations
        ],
    }  # fmt: skip


async def everything(database, brand):
    async with database.raw(brand.id) as connection:
        ids = [row["id"] for row in await connection.fetch("select id from products")]
        found = await whole_products(connection, ids)
        stock = await connection.fetch("select sku_id, on_hand from stock_levels order by sku_id")
        events = await connection.fetchval("select count(*) from events")
        moved = await connection.fetchval("select count(*) from stock_movements")
    return {
        one: msgspec.structs.replace(whole, fingerprint=None) for one, whole in found.items()
    }, stock, events, moved  # fmt: skip


async def export(database, brand) -> bytes:
    out = io.StringIO(newline="")
    async with database.raw(brand.id) as connection:
        await write_catalogue(connection, "CNY", out)
    return out.getvalue().encode("utf-8-sig")


def some_products():
    """Forty products, found by hypothesis, the same every time."""
    found: list[dict] = []

    @settings(
        max_examples=40, database=None, derandomize=True, deadline=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(products())
    def collect(product):
        found.append(product)

    collect()
    return found


async def test_an_export_taken_in_again_changes_nothing(database, brand, tmp_path):
    async with database.brand(brand.id) as session:
        for product in some_products():
            await save_product(session, None, msgspec.convert(product, ProductIn))
    before = await everything(database, brand)
    (tmp_path / "export.csv").write_bytes(await export(database, brand))

    for _ in range(2):
        result = await run_import(database, brand.id, tmp_path / "export.csv")
        assert result.rejected == []
        assert (result.unchanged, result.updated) == (result.products, 0) == (len(before[0]), 0)
        assert await everything(database, brand) == before
    assert await run_checks(database, brand.id) == []


async def test_pictures_categories_and_what_cells_cannot_say_survive(
    console, database, brand, tmp_path
):
    async def category(name, parent=None):
        body = {"name": name, "parent_id": parent}
        return (await console.post("/api/console/categories", json=body)).json()["id"]

    top = await category({"zh-CN": "首饰", "en": "Jewellery"})
    below = await category({"zh-CN": "手镯", "en": "Bangles"}, top)
    slashed = await category({"zh-CN": "金/银"})
    image = (await console.post("/api/console/media", files={"file": ("a.jpg", picture())})).json()
    own = f'<p>看</p><img src="{image["url"]}#m{UUID(image["id"]).hex}">'
    one = jade(
        category_ids=[below, slashed], image_ids=[image["id"]], tags=["a,b"],
        description_html={"zh-CN": own, "en": '<img src="https://elsewhere.example/x.jpg">'},
    )  # fmt: skip
    two = jade(category_ids=[slashed], title={"en": "Only English", "zh-CN": "=1+1"}, handle="two")
    for product in (one, two):
        assert (await console.post("/api/console/products", json=product)).status_code == 201
    before = await everything(database, brand)
    content = await export(database, brand)
    (tmp_path / "export.csv").write_bytes(content)
    assert "首饰 > 手镯".encode() in content and b"\n=1" not in content and b",=1" not in content

    result = await run_import(database, brand.id, tmp_path / "export.csv")
    for one_id, whole in (await everything(database, brand))[0].items():
        assert msgspec.structs.asdict(whole) == msgspec.structs.asdict(before[0][one_id])
    assert (result.unchanged, result.updated, result.rejected) == (2, 0, [])
    assert await everything(database, brand) == before


async def test_a_file_that_says_little_leaves_what_staff_have_added(
    console, database, brand, tmp_path
):
    made = (await console.post("/api/console/products", json=jade(handle="镯"))).json()
    (tmp_path / "p.csv").write_text(
        "handle,title,price,options,sku\n"
        + "".join(
            f"镯,和田玉平安镯,{sku['price_minor'] / 100 + 1:.2f},圈口={54 + 2 * n},{sku['code']}\n"
            for n, sku in enumerate(made["skus"])
        )
    )
    result = await run_import(database, brand.id, tmp_path / "p.csv")
    assert (result.updated, result.rejected) == (1, [])
    after = (await console.get(f"/api/console/products/{made['id']}")).json()
    same = ("title", "subtitle", "description_html", "status", "tags", "attributes", "options")
    assert [after[name] for name in same] == [made[name] for name in same]
    assert edited(after)["skus"][0]["price_minor"] == made["skus"][0]["price_minor"] + 100


@given(st.integers(0, 10**11), st.sampled_from(sorted(MINOR_DIGITS)))
def test_an_amount_is_read_as_it_was_written(amount, currency):
    written = to_text(amount, currency)
    assert cells.amount_minor(written, currency) == to_minor(written, currency) == amount
    whole, _, rest = written.partition(".")
    grouped = f"{int(whole):,}" + (f".{rest}" if rest else "")
    fullwidth = grouped.translate(str.maketrans("0123456789,.", "０１２３４５６７８９，．"))
    for text in (
        grouped,
        f"¥{grouped}",
        f"￥ {grouped}",
        f"{grouped}元",
        fullwidth,
        f" {written} ",
    ):
        assert cells.amount_minor(text, currency) == amount, text


@given(st.integers(0, 10**9))
def test_a_count_is_read_in_both_languages_ways_of_writing(pieces):
    fullwidth = str(pieces).translate(str.maketrans("0123456789", "０１２３４５６７８９"))
    for text in (str(pieces), f"{pieces:,}", f"{pieces}.0", f"{pieces}.", fullwidth):
        assert cells.count(text) == pieces, text


@given(st.text(max_size=20).filter(lambda text: not any(c.isdigit() for c in text)))
def test_what_holds_no_digit_is_no_number(text):
    with pytest.raises(cells.CellRefused):
        cells.decimal_digits(text, 2)


@given(st.text(max_size=30))
def test_a_cell_made_harmless_is_no_formula_and_is_spoken_back(text):
    cell = cells.harmless(text)
    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r"))
    assert cells.spoken(cell) == text
