"""What a basket costs: the catalogue's facts put into the price engine. Pure; quotes and orders share it."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from uuid import UUID

from msgspec import Struct

from siyu.goods import pricing
from siyu.goods.catalogue import Sellable
from siyu.goods.orders.rules import NotOnSale

Lines = tuple[tuple[UUID, int], ...]
"""``(sku_id, quantity)``, each SKU once."""


class Prices(Struct, frozen=True):
    """Everything that prices depend on, read in one transaction."""

    sellable: Mapping[UUID, Sellable]
    store_prices: Mapping[tuple[UUID, UUID], int]
    """By ``(unit, sku)``."""
    templates: Sequence[pricing.Template]


def merged(lines: Sequence[tuple[UUID, int]]) -> Lines:
    """Lines with each SKU once, in the order of their first mention."""
    if len(lines) == 1:
        return (lines[0],)
    quantities: dict[UUID, int] = defaultdict(int)
    for sku_id, quantity in lines:
        quantities[sku_id] += quantity
    return tuple(quantities.items())


def on_sale(lines: Lines, sellable: Mapping[UUID, Sellable]) -> list[Sellable]:
    """The SKUs of the lines. Raises ``NotOnSale`` for the first that cannot be bought."""
    found: list[Sellable] = []
    for sku_id, _ in lines:
        one = sellable.get(sku_id)
        if one is None or not one.on_sale:
            raise NotOnSale(sku_id=str(sku_id))
        found.append(one)
    return found


def cost(
    lines: Lines, prices: Prices, *, district_code: str | None = None, store_id: UUID | None = None
) -> pricing.Priced:
    """What the lines cost, sent to a district, or handed out by a store at its own prices.

    Without a district (pick-up, or an address not chosen yet) there is no freight.
    Raises ``NotOnSale``, ``pricing.NotDelivered``, ``pricing.TooLarge``.
    """
    skus = on_sale(lines, prices.sellable)
    wanted = [
        pricing.Line(quantity, sku.price_minor)
        for sku, (_, quantity) in zip(skus, lines, strict=True)
    ]
    changes: list[pricing.UnitPrice] = []
    if store_id is not None:
        for at, sku in enumerate(skus):
            own = prices.store_prices.get((store_id, sku.sku_id))
            if own is not None:
                changes.append(pricing.UnitPrice("channel", at, own, rule="store"))
    if district_code is None or not prices.templates:
        return pricing.price(wanted, changes)
    freight_minor = _freight(skus, pricing.price(wanted, changes), prices.templates, district_code)
    return pricing.price(wanted, changes, freight_minor=freight_minor)


def _freight(
    skus: Sequence[Sellable],
    priced: pricing.Priced,
    templates: Sequence[pricing.Template],
    district_code: str,
) -> int:
    """Each template charges for the goods that follow it, by their weight and amount together; services weigh nothing."""
    by_id = {one.id: one for one in templates}
    default = next((one for one in templates if one.is_default), None)
    weights: dict[UUID, int] = defaultdict(int)
    amounts: dict[UUID, int] = defaultdict(int)
    for sku, line in zip(skus, priced.lines, strict=True):
        template = by_id.get(sku.freight_template_id) if sku.freight_template_id else default
        template = template or default
        if template is not None and sku.kind != "service":
            weights[template.id] += sku.weight_g * line.quantity
            amounts[template.id] += line.line_minor
    return sum(
        pricing.freight(by_id[template_id].rules, district_code, weight_g, amounts[template_id])
        for template_id, weight_g in weights.items()
    )
