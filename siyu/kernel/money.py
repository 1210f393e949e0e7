"""Money is a whole number of minor units (fen). Nothing here, or anywhere, uses floats."""

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation

MINOR_DIGITS = {
    "CNY": 2,
    "USD": 2,
    "EUR": 2,
    "GBP": 2,
    "HKD": 2,
    "TWD": 2,
    "SGD": 2,
    "JPY": 0,
    "KRW": 0,
}
MAX_MINOR = 10**15


def share(total_minor: int, weights: Sequence[int]) -> list[int]:
    """Split an amount by weights so that the parts add up exactly.

    Largest remainder: every part is less than one minor unit off its exact share, ties go to the
    earlier part. ``total_minor`` may be negative; weights are >= 0 with a positive sum.
    """
    whole = sum(weights)
    assert whole > 0 and min(weights) >= 0
    sign = -1 if total_minor < 0 else 1
    amount = abs(total_minor)
    parts = [amount * weight // whole for weight in weights]
    rest = amount - sum(parts)
    by_remainder = sorted(range(len(weights)), key=lambda i: (-(amount * weights[i] % whole), i))
    for i in by_remainder[:rest]:
        parts[i] += 1
    assert sum(parts) == amount
    return [sign * part for part in parts]


def at_rate(amount_minor: int, rate_bp: int) -> int:
    """``amount_minor`` × ``rate_bp`` / 10,000, rounded half away from zero."""
    product = amount_minor * rate_bp
    sign = -1 if product < 0 else 1
    return sign * ((abs(product) + 5_000) // 10_000)


def to_minor(text: str, currency: str = "CNY") -> int:
    """Read a decimal amount such as ``1,234.50`` exactly. For file borders only.

    Raises ``ValueError`` when it is not a number, has more digits than the currency, or is beyond
    ``MAX_MINOR``.
    """
    cleaned = text.strip().replace(",", "").removeprefix("¥").removeprefix("￥").strip()
    try:
        value = Decimal(cleaned)
    except InvalidOperation:
        raise ValueError(f"not a number: {text!r}") from None
    if not value.is_finite():
        raise ValueError(f"not a number: {text!r}")
    scaled = value.scaleb(MINOR_DIGITS[currency])
    if scaled != scaled.to_integral_value():
        raise ValueError(f"more digits than {currency} has: {text!r}")
    if abs(scaled) > MAX_MINOR:
        raise ValueError(f"too large: {text!r}")
    return int(scaled)


def to_text(amount_minor: int, currency: str = "CNY") -> str:
    """The amount as plain decimal text, e.g. ``-12.03``; what ``to_minor`` reads back."""
    digits = MINOR_DIGITS[currency]
    sign = "-" if amount_minor < 0 else ""
    whole, rest = divmod(abs(amount_minor), 10**digits)
    return f"{sign}{whole}.{rest:0{digits}d}" if digits else f"{sign}{whole}"
