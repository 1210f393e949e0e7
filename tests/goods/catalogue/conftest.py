"""Small things that tests of the catalogue share."""

import io
from collections.abc import AsyncIterator
from contextlib import contextmanager
from typing import Any

import asyncpg
import pytest
from PIL import Image


def jade(**changes: Any) -> dict[str, Any]:
    """A product as an editor sends it: two sizes of a bangle, on sale."""
    product: dict[str, Any] = {
        "version": 0,
        "handle": "",
        "title": {"zh-CN": "和田玉平安镯", "en": "Hetian jade bangle"},
        "subtitle": {"zh-CN": "温润如初"},
        "description_html": {"zh-CN": "<p>产自<b>新疆和田</b></p>"},
        "status": "on_sale",
        "on_sale_at": None,
        "off_at": None,
        "category_ids": [],
        "tags": ["玉", "手镯"],
        "attributes": [{"name": {"zh-CN": "材质"}, "value": {"zh-CN": "和田玉"}}],
        "options": [
            {"name": {"zh-CN": "圈口", "en": "Size"}, "values": [{"zh-CN": "54"}, {"zh-CN": "56"}]}
        ],
        "skus": [
            {
                "code": "",
                "option_values": [0],
                "price_minor": 128000,
                "list_price_minor": 158000,
                "weight_g": 60,
                "barcode": "",
                "on_hand": 3,
            },
            {
                "code": "",
                "option_values": [1],
                "price_minor": 138000,
                "list_price_minor": None,
                "weight_g": 64,
                "barcode": "",
                "on_hand": 0,
            },
        ],
        "image_ids": [],
        "kind": "goods",
        "freight_template_id": None,
    }
    return {**product, **changes}


def simple(
    title: str, price_minor: int = 1990, on_hand: int = 10, **changes: Any
) -> dict[str, Any]:
    """A product with nothing to choose."""
    sku = {
        "code": "",
        "option_values": [],
        "price_minor": price_minor,
        "list_price_minor": None,
        "weight_g": 0,
        "barcode": "",
        "on_hand": on_hand,
    }
    return jade(title={"zh-CN": title}, options=[], skus=[sku], **changes)


def picture(width: int = 1200, height: int = 900, kind: str = "JPEG", **more: Any) -> bytes:
    """The bytes of a picture."""
    out = io.BytesIO()
    Image.radial_gradient("L").resize((width, height)).convert("RGB").save(out, kind, **more)
    return out.getvalue()


def edited(product: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """What an editor sends back of a product it was given, with changes."""
    index = [
        {value["id"]: n for n, value in enumerate(option["values"])}
        for option in product["options"]
    ]
    kept = (
        "version",
        "handle",
        "title",
        "subtitle",
        "description_html",
        "status",
        "on_sale_at",
        "off_at",
        "category_ids",
    )
    more = ("tags", "attributes", "kind", "freight_template_id")
    return {
        **{name: product[name] for name in (*kept, *more)},
        "options": [
            {"name": o["name"], "values": [v["name"] for v in o["values"]]}
            for o in product["options"]
        ],
        "skus": [
            {
                **{
                    name: sku[name]
                    for name in (
                        "code",
                        "price_minor",
                        "list_price_minor",
                        "weight_g",
                        "barcode",
                        "image_id",
                    )
                },
                "option_values": [
                    index[n][value] for n, value in enumerate(sku["option_value_ids"])
                ],
            }
            for sku in product["skus"]
        ],
        "image_ids": [image["id"] for image in product["images"]],
        **changes,
    }


@contextmanager
def counting_queries():
    """The statements that are sent to PostgreSQL inside the block, without those that open a transaction.

    Nor the news of an earlier commit, which goes out whenever its turn comes.
    """
    sent: list[str] = []
    connection: Any = asyncpg.Connection
    originals = {
        name: getattr(connection, name) for name in ("fetch", "fetchrow", "fetchval", "execute")
    }
    prepared = connection._prepare

    def wrapped(name: str):
        async def call(self: Any, query: str, *args: Any, **more: Any) -> Any:
            if not query.startswith("select pg_notify("):
                sent.append(" ".join(query.split()))
            return await originals[name](self, query, *args, **more)

        return call

    async def prepare(self: Any, query: str, **more: Any) -> Any:
        sent.append(" ".join(query.split()))
        return await prepared(self, query, **more)

    for name in originals:
        setattr(connection, name, wrapped(name))
    connection._prepare = prepare
    try:
        yield sent
    finally:
        for name, original in originals.items():
            setattr(connection, name, original)
        connection._prepare = prepared


@pytest.fixture
async def rival_console(app: Any, rival: Any) -> AsyncIterator[Any]:
    """The owner of another brand, signed in."""
    from tests.conftest import sign_in

    client = await sign_in(app, rival)
    yield client
    await client.aclose()
