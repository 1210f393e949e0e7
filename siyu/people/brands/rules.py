"""What a brand and its tree of units may look like. Pure."""

import re
from collections.abc import Mapping
from zoneinfo import available_timezones

from siyu.kernel.effective.rules import Setting, declare
from siyu.kernel.errors import Invalid, Refusal
from siyu.kernel.money import MINOR_DIGITS

LocaleText = dict[str, str]
LOCALES = ("zh-CN", "en")
_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{1,38}[a-z0-9])")
_CODE = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,39})")
_COLOR = re.compile(r"#[0-9a-fA-F]{6}")
RESERVED_SLUGS = frozenset(
    {
        "admin",
        "api",
        "app",
        "assets",
        "console",
        "health",
        "localhost",
        "mail",
        "media",
        "metrics",
        "schema",
        "siyu",
    }
    | {"stage", "static", "status", "www"}
)
UNPAID_TIMEOUT = declare(
    Setting(
        code="orders.unpaid_timeout",
        kind="duration",
        default=15,
        least=1,
        most=7 * 24 * 60,
        label={"zh-CN": "多久没付款就关闭", "en": "Close unpaid orders after"},
        note={
            "zh-CN": "到时释放库存，订单自动取消。已经下的订单，照下单时告诉顾客的时限。",
            "en": "Then the stock is free again and the order cancelled. Orders placed before keep the time they were told.",
        },
    )
)
"""Minutes; an order's own deadline is written down when it is placed."""
PICK_UP_OFFERED = declare(
    Setting(
        code="shop.pick_up",
        kind="flag",
        default=True,
        label={"zh-CN": "接受到店自提", "en": "Offer pick-up in stores"},
        note={
            "zh-CN": "关掉后，新订单只能快递；已经下的自提订单照常取货。哪些门店可以自提，在组织里设。",
            "en": "While it is off, new orders can only be sent. Pick-ups that were ordered before are handed out as usual. Which stores take part is set with each unit.",
        },
    )
)
MIN_CONTRAST = 4.5
"""WCAG 2.2, success criterion 1.4.3: text on its background."""

PARENTS: Mapping[str, frozenset[str]] = {
    "hq": frozenset(),
    "region": frozenset({"hq", "region"}),
    "dealer": frozenset({"hq", "region"}),
    "franchisee": frozenset({"hq", "region", "dealer"}),
    "store": frozenset({"hq", "region", "dealer", "franchisee"}),
}
"""Below which kinds of unit a kind may stand."""


class BadSlug(Refusal):
    """The brand's short name cannot be part of a host name; ``facts``: slug."""

    code = "brands.bad_slug"
    status = 422
    detail = "A short name has 3 to 40 lower-case letters, digits and inner hyphens, and is not a reserved word."


class NoCycles(Refusal):
    """A unit would stand below itself."""

    code = "units.cycle"
    detail = "A unit cannot be moved below itself."


class WrongParent(Refusal):
    """That kind of unit cannot stand there; ``facts``: kind, parent_kind."""

    code = "units.wrong_parent"
    detail = "This kind of unit cannot stand below that one."


class CodeTaken(Refusal):
    """Another unit has the code; ``facts``: code."""

    code = "units.code_taken"
    detail = "Another unit has this code. Choose another one."


class NotClosable(Refusal):
    """The unit is still needed; ``facts``: reason (``hq`` · ``children`` · ``staff`` · …), count."""

    code = "units.not_closable"
    detail = "The unit is still in use. Move or close what stands below it first."


class ParentClosed(Refusal):
    """An open unit cannot stand below a closed one."""

    code = "units.parent_closed"
    detail = "The unit above is closed. Open it first, or choose another one."


def check_slug(slug: str) -> None:
    """Raises ``BadSlug``."""
    if not _SLUG.fullmatch(slug) or slug in RESERVED_SLUGS or "--" in slug:
        raise BadSlug(slug=slug[:60])


def check_code(code: str) -> None:
    """Raises ``Invalid`` when a unit's code has other than lower-case letters, digits and hyphens."""
    if not _CODE.fullmatch(code):
        raise Invalid(
            errors=[{"path": "code", "message": "1 to 40 lower-case letters, digits and hyphens"}]
        )


def check_name(
    name: LocaleText, path: str = "name", *, longest: int = 80, needed: bool = True
) -> None:
    """Merchant text: known locales, not blank, not too long. Raises ``Invalid``."""
    wrong = [locale for locale in name if locale not in LOCALES]
    if wrong:
        raise Invalid(errors=[{"path": f"{path}.{wrong[0]}", "message": "unknown locale"}])
    for locale, text in name.items():
        if len(text) > longest or "\0" in text:
            raise Invalid(
                errors=[{"path": f"{path}.{locale}", "message": f"at most {longest} characters"}]
            )
    if needed and not any(text.strip() for text in name.values()):
        raise Invalid(errors=[{"path": path, "message": "must not be empty"}])


def check_founding(currency: str, time_zone: str, locales: list[str], default_locale: str) -> None:
    """Raises ``Invalid`` for an unknown currency, time zone or locale."""
    if currency not in MINOR_DIGITS:
        raise Invalid(
            errors=[{"path": "currency", "message": f"one of {', '.join(sorted(MINOR_DIGITS))}"}]
        )
    if time_zone not in available_timezones():
        raise Invalid(errors=[{"path": "time_zone", "message": "not a time zone of the IANA list"}])
    check_locales(locales, default_locale)


def check_locales(locales: list[str], default_locale: str) -> None:
    """Raises ``Invalid`` unless locales are known, distinct and contain the default."""
    if (
        not locales
        or len(set(locales)) != len(locales)
        or any(one not in LOCALES for one in locales)
    ):
        raise Invalid(errors=[{"path": "locales", "message": f"distinct, of {', '.join(LOCALES)}"}])
    if default_locale not in locales:
        raise Invalid(errors=[{"path": "default_locale", "message": "must be one of locales"}])


def in_locale(text: Mapping[str, str], locale: str, default_locale: str = "zh-CN") -> str:
    """Merchant text in a locale, falling back to the brand's own and then to any; empty when there is none."""
    return (
        text.get(locale)
        or text.get(default_locale)
        or next((one for one in text.values() if one), "")
    )


def readable_color(color: str) -> str:
    """The colour, darkened step by step until white text on it has contrast ``MIN_CONTRAST``.

    Raises ``Invalid`` unless it is ``#rrggbb``.
    """
    if not _COLOR.fullmatch(color):
        raise Invalid(errors=[{"path": "theme_color", "message": "a colour such as #17624f"}])
    channels = [int(color[i : i + 2], 16) for i in (1, 3, 5)]
    while contrast_with_white(channels) < MIN_CONTRAST:
        channels = [channel * 97 // 100 for channel in channels]
    return "#" + "".join(f"{channel:02x}" for channel in channels)


def contrast_with_white(channels: list[int]) -> float:
    """Contrast of white on sRGB channels 0–255, 1 to 21 (WCAG 2.2, relative luminance)."""

    def linear(channel: int) -> float:
        part = channel / 255
        return part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4

    red, green, blue = (linear(channel) for channel in channels)
    return 1.05 / (0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05)


def check_place(kind: str, parent_kind: str | None) -> None:
    """Raises ``WrongParent``."""
    if parent_kind is None or parent_kind not in PARENTS[kind]:
        raise WrongParent(kind=kind, parent_kind=parent_kind)


def path_below(parent_path: str, code: str) -> str:
    """The path of a unit: codes from the top, each followed by a slash, e.g. ``hq/east/hz01/``."""
    return f"{parent_path}{code}/"


def subtree(path: str) -> tuple[str, str]:
    """``(low, high)``: the unit and all below it have ``low <= path < high`` in byte order ("0" follows "/")."""
    assert path.endswith("/")
    return path, path[:-1] + "0"


def is_within(path: str, top: str) -> bool:
    """Whether a unit's path is that of ``top`` or lies below it."""
    return path.startswith(top)
