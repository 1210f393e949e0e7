"""Plain values of the catalogue: what an editor or an import hands in, and a product as a whole.

``gc=False``: they hold no circles, and an import makes millions of them for the collector to look at in vain.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta, Struct

LocaleText = dict[str, str]
Kind = Literal["goods", "service"]
Status = Literal["draft", "scheduled", "on_sale", "off"]
Amount = Annotated[int, Meta(ge=0, le=10**11)]
NewId = Callable[[], UUID]


class AttributeOut(Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """A fact about a product: 材质 = 和田玉."""

    name: LocaleText
    value: LocaleText


class OptionIn(Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """What a shopper chooses by, with its values in order."""

    name: LocaleText
    values: Annotated[list[LocaleText], Meta(min_length=1, max_length=200)]


class SkuIn(Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """One combination. ``option_values`` are indexes into each option's values; ``on_hand`` is a count, if given."""

    code: Annotated[str, Meta(max_length=100)]
    option_values: Annotated[list[int], Meta(max_length=5)]
    price_minor: Amount
    list_price_minor: Amount | None = None
    weight_g: Annotated[int, Meta(ge=0, le=10**8)] | None = None
    barcode: Annotated[str, Meta(max_length=100)] | None = None
    on_hand: Annotated[int, Meta(ge=0, le=10**9)] | None = None
    image_id: UUID | None = None


class ProductIn(Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """A product as its editor hands it in; ``version`` is the one the editor saw (0 for a new one)."""

    title: LocaleText
    skus: Annotated[list[SkuIn], Meta(max_length=1000)]
    version: Annotated[int, Meta(ge=0, le=2**53)] = 0
    handle: Annotated[str, Meta(max_length=120)] = ""
    subtitle: LocaleText = {}
    description_html: LocaleText = {}
    status: Status = "draft"
    on_sale_at: datetime | None = None
    off_at: datetime | None = None
    category_ids: Annotated[list[UUID], Meta(max_length=20)] = []
    tags: Annotated[list[Annotated[str, Meta(max_length=60)]], Meta(max_length=50)] = []
    attributes: Annotated[list[AttributeOut], Meta(max_length=100)] = []
    options: Annotated[list[OptionIn], Meta(max_length=5)] = []
    image_ids: Annotated[list[UUID], Meta(max_length=100)] = []
    kind: Kind = "goods"
    freight_template_id: UUID | None = None


class Value(Struct, frozen=True, gc=False):
    """One choice of an option."""

    id: UUID
    name: LocaleText


class Option(Struct, frozen=True, gc=False):
    """What a shopper chooses by."""

    id: UUID
    name: LocaleText
    values: list[Value]


class Sku(Struct, frozen=True, gc=False):
    """What can be bought: one value of each option."""

    id: UUID
    code: str
    value_ids: list[UUID]
    label: LocaleText
    price_minor: int
    list_price_minor: int | None
    weight_g: int
    barcode: str
    image_id: UUID | None
    active: bool


class Whole(Struct, frozen=True, gc=False):
    """A product with everything that belongs to it. ``skus`` has the inactive ones too, active first."""

    id: UUID
    version: int
    handle: str
    title: LocaleText
    subtitle: LocaleText
    description: LocaleText
    kind: str
    status: str
    on_sale_at: datetime | None
    off_at: datetime | None
    tags: list[str]
    attributes: list[AttributeOut]
    freight_template_id: UUID | None
    category_ids: list[UUID]
    image_ids: list[UUID]
    options: list[Option]
    skus: list[Sku]
    words: str
    fingerprint: str | None
    published_at: datetime | None
    created_at: datetime
    updated_at: datetime

    @property
    def on_offer(self) -> list[Sku]:
        """The active SKUs."""
        return [sku for sku in self.skus if sku.active]

    @property
    def price_range(self) -> tuple[int, int]:
        """Lowest and highest price of the active SKUs, zero without any."""
        prices = [sku.price_minor for sku in self.skus if sku.active] or [0]
        return min(prices), max(prices)

    @property
    def list_price_minor(self) -> int | None:
        """The highest list price that is above its SKU's price, if any."""
        above = [
            sku.list_price_minor
            for sku in self.on_offer
            if sku.list_price_minor is not None and sku.list_price_minor > sku.price_minor
        ]
        return max(above) if above else None
