"""The document's own words: names of components where a struct's does not say enough, and closed sets of texts.

Structs carry states as plain text, because rows do; the sets themselves live in each module's rules. Here every
such member gets its set's name. What the program really answers is held against it by the fuzzing tests.
"""

from collections.abc import Iterable
from typing import get_args, get_type_hints

from siyu.goods.catalogue import ProductIn
from siyu.goods.orders import rules as orders
from siyu.goods.payments import rules as payments
from siyu.goods.pricing import rules as pricing
from siyu.goods.stock import rules as stock
from siyu.insight.boards import rules as boards
from siyu.kernel.settings import Profile
from siyu.people.brands import rules as brands
from siyu.people.staff import rules as staff
from siyu.scenes.links import rules as links

NAMES = {
    "siyu.goods.catalogue.http.imports.PreviewIn": "ImportPlanIn",
    "siyu.goods.catalogue.http.shop.ShopCategories": "ShopCategoriesOut",
    "siyu.goods.fulfilment.http.PickUpIn": "PickUpCodeIn",
    "siyu.goods.orders.http.wire.StoreOut": "StoreOut",
    "siyu.scenes.storefront.http.PickUpIn": "PickUpIn",
    "siyu.scenes.storefront.http.PreviewIn": "PagePreviewIn",
    "siyu.scenes.storefront.showing.ShopCategories": "ShopCategoriesBlock",
    "siyu.scenes.storefront.showing.StoreOut": "StoreOut",
    "Banner": "BannerBlock",
    "Batch": "TrackBatchIn",
    "Categories": "CategoriesBlock",
    "Message": "TrackMessageIn",
    "PreviewOut": "PagePreviewOut",
    "ProductGrid": "ProductGridBlock",
    "ProductRow": "ProductRowBlock",
    "ShopBanner": "ShopBannerBlock",
    "ShopProductGrid": "ShopProductGridBlock",
    "ShopProducts": "ShopProductRowBlock",
    "ShopStores": "ShopStoreBlock",
    "ShopTextImage": "ShopTextImageBlock",
    "StartIn": "ImportStartIn",
    "Store": "StoreBlock",
    "Target": "LinkTarget",
    "TextImage": "TextImageBlock",
}
"""From a struct's name (with its module where two share one) to the component's."""

_PRODUCT = get_type_hints(ProductIn)
_ORDER_ACTIONS = ("note", "cancel", "change_price", "ship", "pick_up", "refund", "change_address")
SETS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "CartProblem": (("off_sale", "sold_out", "not_enough"), ("CartLineOut.problem",)),
    "CashierOutcome": (("pay", "fail", "delay", "twice"), ("OutcomeIn.outcome",)),
    "Delivery": (
        get_args(orders.Delivery),
        (
            "OrderRowOut.delivery",
            "OrderOut.delivery",
            "QuoteIn.delivery",
            "ShopOrderRow.delivery",
            "ShopOrder.delivery",
        ),
    ),
    "FunnelStep": (boards.STEPS, ("FunnelOut.step",)),
    "ImportFormat": (("shopify", "siyu", "litemall", "table"), ("ImportOut.format",)),
    "JobState": (
        ("waiting", "running", "done", "failed", "cancelled"),
        ("JobOut.state",),
    ),
    "LinkSource": (links.SOURCES, ("LinkIn.source", "LinkOut.source")),
    "Locale": (brands.LOCALES, ()),
    "LocationKind": (("warehouse", "store"), ("LocationOut.kind",)),
    "Mask": (staff.MASKS, ("RoleOut.masks", "RoleIn.masks")),
    "MetricKey": (
        (
            "net_sales",
            "paid_orders",
            "customers",
            "average_order",
            "conversion",
            "refund_rate",
        ),
        ("MetricOut.key",),
    ),
    "MetricUnit": (("minor", "count", "bp"), ("MetricOut.unit",)),
    "MovementKind": (stock.KINDS, ("MovementOut.kind",)),
    "OrderAction": (_ORDER_ACTIONS, ("OrderOut.may",)),
    "OrderState": (
        orders.STATES,
        ("OrderRowOut.state", "OrderOut.state", "ShopOrderRow.state", "ShopOrder.state"),
    ),
    "PaymentState": (payments.STATES, ("PaymentOut.state", "CashierOut.state", "OutcomeOut.state")),
    "PriceStage": (
        (*pricing.STAGES, "total"),
        ("WaterfallStep.stage", "LineStep.stage", "ShopStep.stage"),
    ),
    "ProductKind": (get_args(_PRODUCT["kind"]), ("ProductOut.kind", "ShopProduct.kind")),
    "ProductStatus": (get_args(_PRODUCT["status"]), ("ProductOut.status", "ProductRowOut.status")),
    "Profile": (get_args(Profile), ("SessionOut.profile",)),
    "RefundState": (payments.REFUND_STATES, ("RefundOut.state",)),
    "ShopOrderAction": (("pay", "cancel", "received"), ("ShopOrder.may",)),
    "TimelineSource": (
        ("money", "touch", "behaviour", "system", "staff"),
        ("TimelineItem.source",),
    ),
    "TodoLevel": (("zhu", "zhe"), ("TodoOut.level",)),
    "UnitKind": (tuple(brands.PARENTS), ()),
}
"""A set's name: its texts, and the members (component.property) that hold one of them."""

PLUGGED = {"CustomerOut.recent_orders": "OrderRowOut", "CustomerOut.timeline": "TimelineItem"}
"""Lists that a module above fills through a port: what stands in them."""


def named(texts: Iterable[object]) -> str | None:
    """The name of the set with exactly these texts, in any order."""
    wanted = set(texts)
    return next((name for name, (given, _) in SETS.items() if set(given) == wanted), None)
