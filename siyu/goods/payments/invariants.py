"""What must always be true of payments."""

from siyu.kernel.checks import invariant


@invariant(
    "payments.refunds",
    sentence={
        "zh-CN": "一笔支付的退款之和不超过它；没有到账的支付没有退款。",
        "en": "Refunds on a payment stay within it, and only payments that arrived have any.",
    },
)
def refunds() -> str:
    """Payments that more goes back of than has come."""
    return """
    select p.id, p.state, p.amount_minor, r.refunds_minor
    from payments p
    join (select brand_id, payment_id, sum(amount_minor) as refunds_minor from payment_refunds
          where state <> 'failed' group by brand_id, payment_id) r on r.brand_id = p.brand_id and r.payment_id = p.id
    where r.refunds_minor > p.amount_minor or p.state <> 'succeeded'
    """
