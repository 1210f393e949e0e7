"""Pricing: what something costs and why – fixed stages, exact allocation, store prices, freight."""

from siyu.goods.pricing.actions import save_template, set_store_prices
from siyu.goods.pricing.queries import (
    TEMPLATES,
    Template,
    prices_of_store,
    store_prices,
    templates,
)
from siyu.goods.pricing.rules import (
    LABELS,
    STAGES,
    FreightRule,
    Line,
    LinePrice,
    NotDelivered,
    Off,
    Priced,
    PricedLine,
    Step,
    TooLarge,
    UnitPrice,
    Waterfall,
    change_line,
    freight,
    price,
)

__all__ = [
    "LABELS",
    "STAGES",
    "TEMPLATES",
    "FreightRule",
    "Line",
    "LinePrice",
    "NotDelivered",
    "Off",
    "Priced",
    "PricedLine",
    "Step",
    "Template",
    "TooLarge",
    "UnitPrice",
    "Waterfall",
    "change_line",
    "freight",
    "price",
    "prices_of_store",
    "save_template",
    "set_store_prices",
    "store_prices",
    "templates",
]
