"""Pure decisions about pieces."""

from typing import ClassVar

from siyu.kernel.errors import Refusal

KINDS = ("counted", "received", "reserved", "released", "shipped", "returned", "imported")
SHOWN_AT_MOST = 99
"""Shoppers see exact numbers up to here; above it, "plenty"."""
FEW = 5
"""From here on the shop says "only N left"."""


class OutOfStock(Refusal):
    """Fewer pieces are free than asked for; ``facts``: sku_id, free (pieces), asked."""

    code = "stock.out_of_stock"
    detail = "Not enough pieces are left. Take fewer or something else."


class BelowReserved(Refusal):
    """A count would leave fewer pieces than orders have reserved; ``facts``: on_hand, reserved."""

    code = "stock.below_reserved"
    status: ClassVar[int] = 409
    detail = "Orders have reserved more pieces than that. Cancel or ship them first."


def free(on_hand: int, reserved: int, safety: int = 0) -> int:
    """Pieces that may be promised; below zero when safety stock is in use."""
    return on_hand - reserved - safety


def shown(free_pieces: int) -> int:
    """What the shop says is free: honest, but no more than ``SHOWN_AT_MOST``."""
    return max(0, min(free_pieces, SHOWN_AT_MOST))


def only_left(free_pieces: int) -> int | None:
    """The number for "only N left"; nothing when there is enough, or none at all."""
    return free_pieces if 0 < free_pieces <= FEW else None
