"""Freight templates and store prices in the console."""

from typing import Annotated
from uuid import UUID

from litestar import get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from msgspec import Meta, Struct

from siyu.goods.pricing import actions, queries
from siyu.goods.pricing.rules import FreightRule
from siyu.kernel.errors import Invalid, NotFound
from siyu.kernel.money import MAX_MINOR
from siyu.people.staff import Desk, permission

permission("pricing.view", {"zh-CN": "查看价格与运费", "en": "See prices and freight"})
permission("pricing.edit", {"zh-CN": "设置价格与运费", "en": "Set prices and freight"})

Amount = Annotated[int, Meta(ge=0, le=MAX_MINOR)]
Grams = Annotated[int, Meta(ge=0, le=10_000_000)]
Region = Annotated[str, Meta(pattern=r"^(\d\d){1,3}$")]


class FreightRuleIn(Struct, forbid_unknown_fields=True):
    """``region_codes``: prefixes of 2, 4 or 6 digits; empty = everywhere."""

    region_codes: Annotated[list[Region], Meta(max_length=4000)]
    first_g: Grams
    first_minor: Amount
    next_g: Grams
    next_minor: Amount
    free_from_minor: Annotated[int, Meta(ge=0, le=MAX_MINOR)] | None


class FreightTemplateIn(Struct, forbid_unknown_fields=True):
    """Everything of a template."""

    name: Annotated[dict[str, Annotated[str, Meta(max_length=100)]], Meta(max_length=20)]
    is_default: bool
    rules: Annotated[list[FreightRuleIn], Meta(max_length=200)]
    id: UUID | None = None
    """Ignored: clients may send back what they got."""


class FreightTemplate(Struct):
    """A template as it is stored."""

    id: UUID
    name: dict[str, str]
    is_default: bool
    rules: tuple[FreightRule, ...]


class FreightTemplates(Struct):
    """All templates of the brand."""

    items: list[FreightTemplate]


class StorePrice(Struct, forbid_unknown_fields=True):
    """A price of one store; ``null`` = the catalogue's price."""

    sku_id: UUID
    price_minor: Amount | None


class StorePrices(Struct, forbid_unknown_fields=True):
    """Prices of one store."""

    items: Annotated[list[StorePrice], Meta(max_length=1000)]


@get("/freight-templates", tags=["pricing"])
async def list_templates(desk: NamedDependency[Desk]) -> FreightTemplates:
    """All freight templates, the default first."""
    desk.require("pricing.view")
    return FreightTemplates([_out(one) for one in await queries.templates(desk.session)])


@post("/freight-templates", tags=["pricing"])
async def make_template(
    desk: NamedDependency[Desk], data: JSONBody[FreightTemplateIn]
) -> FreightTemplate:
    """Make a freight template. Refusals: http.invalid."""
    desk.require("pricing.edit")
    return await _save(desk, None, data)


@put("/freight-templates/{template_id:uuid}", tags=["pricing"])
async def replace_template(
    desk: NamedDependency[Desk], template_id: FromPath[UUID], data: JSONBody[FreightTemplateIn]
) -> FreightTemplate:
    """Replace a freight template; orders keep the freight they were placed with. Refusals: http.not_found, http.invalid."""
    desk.require("pricing.edit")
    return await _save(desk, template_id, data)


@get("/store-prices/{unit_id:uuid}", tags=["pricing"])
async def list_store_prices(desk: NamedDependency[Desk], unit_id: FromPath[UUID]) -> StorePrices:
    """The prices that a store has of its own. Refusals: http.not_found."""
    desk.require("pricing.view")
    await _require_own(desk, unit_id)
    prices = await queries.prices_of_store(desk.session, unit_id)
    return StorePrices([StorePrice(sku_id, price) for sku_id, price in prices.items()])


@put("/store-prices/{unit_id:uuid}", tags=["pricing"])
async def set_store_prices(
    desk: NamedDependency[Desk], unit_id: FromPath[UUID], data: JSONBody[StorePrices]
) -> StorePrices:
    """Set some prices of a store; the others stay. Refusals: http.not_found."""
    desk.require("pricing.edit")
    await _require_own(desk, unit_id)
    wanted = {one.sku_id: one.price_minor for one in data.items}
    await actions.set_store_prices(desk.session, unit_id, wanted)
    await desk.audit(
        action="pricing.store_prices_set",
        subject_kind="unit",
        subject_id=unit_id,
        label="",
        facts={"skus": len(wanted)},
    )
    prices = await queries.prices_of_store(desk.session, unit_id)
    return StorePrices([StorePrice(sku_id, price) for sku_id, price in prices.items()])


async def _require_own(desk: Desk, unit_id: UUID) -> None:
    """Raise ``NotFound`` for a unit that is not in their part of the tree."""
    if all(unit.id != unit_id for unit in await desk.units()):
        raise NotFound(unit_id=str(unit_id))


async def _save(desk: Desk, template_id: UUID | None, data: FreightTemplateIn) -> FreightTemplate:
    if not any(text.strip() for text in data.name.values()):
        raise Invalid(errors=[{"path": "name", "message": "Give the template a name."}])
    everywhere = sum(not rule.region_codes for rule in data.rules)
    codes = [code for rule in data.rules for code in set(rule.region_codes)]
    if everywhere > 1 or len(codes) != len(set(codes)):
        raise Invalid(
            errors=[{"path": "rules", "message": "Each region may stand in one rule only."}]
        )
    rules = [
        FreightRule(
            tuple(r.region_codes),
            r.first_g,
            r.first_minor,
            r.next_g,
            r.next_minor,
            r.free_from_minor,
        )
        for r in data.rules
    ]
    saved = await actions.save_template(
        desk.session, template_id, name=data.name, is_default=data.is_default, rules=rules
    )
    await desk.audit(
        action="pricing.freight_saved",
        subject_kind="freight_template",
        subject_id=saved,
        label=next(iter(data.name.values())),
        facts={"rules": len(rules), "is_default": data.is_default},
    )
    for one in await queries.templates(desk.session):
        if one.id == saved:
            return _out(one)
    raise NotFound(freight_template_id=str(saved))


def _out(one: queries.Template) -> FreightTemplate:
    return FreightTemplate(one.id, one.name, one.is_default, one.rules)


console_routes = [
    list_templates,
    make_template,
    replace_template,
    list_store_prices,
    set_store_prices,
]
