"""Carriers, tracking numbers and pick-up codes. Pure."""

import re
import secrets

from siyu.kernel.errors import Refusal

CARRIERS: dict[str, dict[str, str]] = {
    "SF": {"zh-CN": "顺丰速运", "en": "SF Express"},
    "JD": {"zh-CN": "京东物流", "en": "JD Logistics"},
    "EMS": {"zh-CN": "邮政 EMS", "en": "EMS China Post"},
    "ZTO": {"zh-CN": "中通快递", "en": "ZTO Express"},
    "YTO": {"zh-CN": "圆通速递", "en": "YTO Express"},
    "STO": {"zh-CN": "申通快递", "en": "STO Express"},
    "YD": {"zh-CN": "韵达速递", "en": "Yunda Express"},
    "JTSD": {"zh-CN": "极兔速递", "en": "J&T Express"},
    "DBL": {"zh-CN": "德邦快递", "en": "Deppon"},
    "OTHER": {"zh-CN": "其他承运商", "en": "Another carrier"},
}
"""Codes as couriers' interfaces use them, with names."""
MAX_PARCELS = 15
"""Parcels of one payment that a mini-program may report (FIELD 0.2)."""
CODE_DIGITS = 8
_NUMBER = re.compile(r"^[A-Za-z0-9-]{6,32}$")


class UnknownCarrier(Refusal):
    """The carrier is not in the list."""

    code = "fulfilment.unknown_carrier"
    status = 422
    detail = "Choose a carrier of the list."


class BadTrackingNumber(Refusal):
    """The tracking number has another form than carriers use."""

    code = "fulfilment.bad_tracking_number"
    status = 422
    detail = "A tracking number has 6 to 32 letters, digits or hyphens."


class TooManyParcels(Refusal):
    """The order has as many parcels as can be reported."""

    code = "fulfilment.too_many_parcels"
    detail = (
        f"An order can be sent in {MAX_PARCELS} parcels at most. Put the rest into one of them."
    )


class WrongPickUpCode(Refusal):
    """The code does not open this order; ``facts``: left (tries)."""

    code = "fulfilment.wrong_code"
    status = 422
    detail = "The code does not belong to this order. Ask the customer to show the code again."


class TooManyTries(Refusal):
    """Somebody guesses; the code rests for a while."""

    code = "fulfilment.too_many_tries"
    status = 429
    detail = "Too many wrong codes for this order. Try again in ten minutes."


class AlreadySigned(Refusal):
    """The parcel has been signed for."""

    code = "fulfilment.already_signed"
    detail = "This parcel has been signed for already."


def checked_parcel(carrier: str, number: str) -> tuple[str, str]:
    """Carrier and tracking number as they are kept. Raises ``UnknownCarrier``, ``BadTrackingNumber``."""
    if carrier not in CARRIERS:
        raise UnknownCarrier(carrier=carrier[:40])
    cleaned = number.strip().replace(" ", "").upper()
    if not _NUMBER.match(cleaned):
        raise BadTrackingNumber
    return carrier, cleaned


def draw_code() -> str:
    """A fresh pick-up code: eight digits that cannot be guessed from another."""
    return f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}d}"


def typed(code: str) -> str:
    """A code as somebody typed or scanned it, without blanks and hyphens."""
    return re.sub(r"[\s-]", "", code)
