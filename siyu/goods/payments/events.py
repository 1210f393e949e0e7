"""What payments state."""

from uuid import UUID

from siyu.kernel.events import Event


class PaymentStarted(Event, frozen=True, kw_only=True, tag="payments.started/1"):
    """Somebody was sent to a cashier."""

    payment_id: UUID
    payable_kind: str
    payable_id: UUID
    provider: str
    amount_minor: int


class PaymentSucceeded(Event, frozen=True, kw_only=True, tag="payments.succeeded/1"):
    """The money has come."""

    payment_id: UUID
    payable_kind: str
    payable_id: UUID
    provider: str
    amount_minor: int


class PaymentFailed(Event, frozen=True, kw_only=True, tag="payments.failed/1"):
    """The provider said no; the payable may be paid again."""

    payment_id: UUID
    payable_kind: str
    payable_id: UUID
    provider: str


class WrongAmountReported(Event, frozen=True, kw_only=True, tag="payments.wrong_amount/1"):
    """A provider reports another amount than was asked for. Nothing was booked; a person has to compare.

    Its subject is the payable, so that it is told among what happened to that.
    """

    payable_id: UUID
    payable_kind: str
    payment_id: UUID
    provider: str
    asked_minor: int
    paid_minor: int


class RefundWanted(Event, frozen=True, kw_only=True, tag="payments.refund_wanted/1"):
    """Money is to go back; the provider is told by a reaction."""

    refund_id: UUID
    payment_id: UUID
    amount_minor: int


class RefundSucceeded(Event, frozen=True, kw_only=True, tag="payments.refunded/1"):
    """The money has gone back."""

    refund_id: UUID
    payment_id: UUID
    payable_kind: str
    payable_id: UUID
    amount_minor: int


class RefundFailed(Event, frozen=True, kw_only=True, tag="payments.refund_failed/1"):
    """The provider refused the refund; a person has to look."""

    refund_id: UUID
    payment_id: UUID
    payable_kind: str
    payable_id: UUID
    amount_minor: int
