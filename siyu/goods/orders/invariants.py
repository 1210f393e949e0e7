"""What must always be true of orders."""

from siyu.kernel.checks import invariant


@invariant(
    "orders.totals",
    sentence={
        "zh-CN": "订单总额等于各行加运费，也等于价格瀑布之和；每行等于其各步之和。",
        "en": "An order's total is its lines plus freight and the sum of its waterfall; a line is the sum of its steps.",
    },
)
def totals() -> str:
    """Orders whose amounts do not add up."""
    return """
    select o.id, o.number, o.goods_minor, o.total_minor, l.goods_minor as lines_minor, w.waterfall_minor, l.quantity
    from orders o
    join lateral (select coalesce(sum(line_minor), 0) as goods_minor, coalesce(sum(quantity), 0) as quantity,
                         bool_and(line_minor = (select sum(cast(s ->> 'amount_minor' as bigint))
                                                from jsonb_array_elements(steps) s)) as steps_fit
                  from order_lines where order_id = o.id) l on true
    join lateral (select sum(cast(w ->> 'amount_minor' as bigint)) as waterfall_minor
                  from jsonb_array_elements(o.waterfall) w) w on true
    where l.goods_minor <> o.goods_minor or w.waterfall_minor <> o.total_minor or l.quantity <> o.quantity
       or not coalesce(l.steps_fit, false)
    """


@invariant(
    "orders.reserved",
    sentence={
        "zh-CN": "占用的库存，正是未结订单中尚未发出的件数。",
        "en": "Reserved pieces are exactly those of open orders that were not handed over.",
    },
)
def reserved() -> str:
    """Places whose reserved pieces differ from what open orders hold there."""
    return """
    select coalesce(s.sku_id, h.sku_id) as sku_id, coalesce(s.location_id, h.location_id) as location_id,
           s.reserved, h.held
    from stock_levels s
    full join (
        select l.brand_id, l.sku_id, o.location_id, sum(l.quantity - l.shipped_quantity - l.released_quantity) as held
        from orders o join order_lines l on l.brand_id = o.brand_id and l.order_id = o.id
        where o.state in ('unpaid', 'paid', 'ready', 'shipped')
        group by l.brand_id, l.sku_id, o.location_id
    ) h on h.brand_id = s.brand_id and h.sku_id = s.sku_id and h.location_id = s.location_id
    where coalesce(s.reserved, 0) <> coalesce(h.held, 0)
    """


@invariant(
    "orders.stated",
    sentence={
        "zh-CN": "每个订单恰有一个下单事件；付过款的订单恰有一个付款事件。",
        "en": "Every order has exactly one event of its placing, and one of its payment if it was paid.",
    },
)
def stated() -> str:
    """Orders whose events are missing or doubled; those from before the log's archive ends are not looked at."""
    return """
    select o.id, o.number, o.paid_at, coalesce(e.placed, 0) as placed, coalesce(e.paid, 0) as paid
    from orders o
    left join (select subject, count(*) filter (where kind = 'orders.placed/1') as placed,
                      count(*) filter (where kind = 'orders.paid/1') as paid
               from events where kind in ('orders.placed/1', 'orders.paid/1') group by subject) e on e.subject = o.id
    where (coalesce(e.placed, 0) <> 1 or coalesce(e.paid, 0) <> case when o.paid_at is null then 0 else 1 end)
      and o.placed_at > coalesce((select max(last_at) from event_archives), '-infinity')
    """


@invariant(
    "orders.refunds",
    sentence={
        "zh-CN": "退款不超过实付；订单与各行的已退金额，等于其退款之和。",
        "en": "Refunds stay within what was paid, and orders and lines add up to their refunds.",
    },
)
def refunds() -> str:
    """Orders whose refunds do not add up."""
    return """
    select o.id, o.number, o.paid_minor, o.refunded_minor, r.refunds_minor, r.freight_minor, l.lines_minor
    from orders o
    join lateral (select coalesce(sum(amount_minor), 0) as refunds_minor, coalesce(sum(freight_minor), 0) as freight_minor
                  from order_refunds where order_id = o.id and not extra) r on true
    join lateral (select coalesce(sum(line.refunded_minor), 0) as lines_minor,
                         bool_and(line.refunded_minor = coalesce(back.amount_minor, 0)
                                  and line.refunded_quantity = coalesce(back.quantity, 0)) as fit
                  from order_lines line
                  left join (select order_id, line_id, sum(amount_minor) as amount_minor, sum(quantity) as quantity
                             from order_refund_lines where order_id = o.id group by order_id, line_id) back
                       on back.order_id = line.order_id and back.line_id = line.line_id
                  where line.order_id = o.id) l on true
    where o.refunded_minor > o.paid_minor or o.refunded_minor <> r.refunds_minor
       or o.freight_refunded_minor <> r.freight_minor or o.refunded_minor <> l.lines_minor + o.freight_refunded_minor
       or not coalesce(l.fit, false)
    """


@invariant(
    "orders.money",
    sentence={
        "zh-CN": "现场付款的订单都有成功的支付；同意的退款都交给了支付渠道。",
        "en": "Orders paid live have a payment that succeeded, and agreed refunds were handed to the provider.",
    },
)
def money() -> str:
    """Live payments and refunds of orders without their counterpart in payments."""
    return """
    select e.subject as order_id, 'paid' as what, cast(e.data ->> 'paid_minor' as bigint) as amount_minor
    from events e
    where e.kind = 'orders.paid/1' and e.origin = 'live' and cast(e.data ->> 'paid_minor' as bigint) > 0
      and not exists (select from payments p where p.brand_id = e.brand_id and p.id = cast(e.data ->> 'payment_id' as uuid)
                      and p.state = 'succeeded' and p.amount_minor = cast(e.data ->> 'paid_minor' as bigint))
    union all
    select e.subject, 'refunded', cast(e.data ->> 'amount_minor' as bigint)
    from events e
    where e.kind = 'orders.refund_agreed/1' and e.origin = 'live' and cast(e.data ->> 'amount_minor' as bigint) > 0
      and cast(e.data ->> 'amount_minor' as bigint) <> coalesce(
          (select sum(r.amount_minor) from payment_refunds r
           where r.brand_id = e.brand_id and r.key = e.data ->> 'refund_id'), 0)
    """


@invariant(
    "orders.received",
    sentence={
        "zh-CN": "订单到账的支付，正好等于实付加上已同意退回的多付款。",
        "en": "What arrived for an order is what it was paid with, and extra payments that were agreed to go back whole.",
    },
)
def received() -> str:
    """Orders whose payments that arrived are more or less than they needed and returned."""
    return """
    select o.id, o.number, o.paid_minor, x.extra_minor, p.received_minor
    from (select payable_id, sum(amount_minor) as received_minor from payments
          where payable_kind = 'order' and state = 'succeeded' group by payable_id) p
    join orders o on o.id = p.payable_id
    join lateral (select coalesce(sum(amount_minor), 0) as extra_minor
                  from order_refunds where order_id = o.id and extra) x on true
    where p.received_minor <> o.paid_minor + x.extra_minor
    """


@invariant(
    "orders.returned",
    sentence={
        "zh-CN": "退到支付渠道的每一笔，都属于一次已同意的退款；已完成的退款，各笔之和等于其金额。",
        "en": "Whatever a provider sends back belongs to an agreed refund, and the parts of one that succeeded add up to it.",
    },
)
def returned() -> str:
    """Refunds at providers that nobody agreed to, and refunds whose parts are more or less than they are."""
    return """
    with parts as (
        select p.payable_id as order_id, split_part(r.key, '#', 1) as refund_id, r.id, r.state, r.amount_minor
        from payment_refunds r join payments p on p.brand_id = r.brand_id and p.id = r.payment_id
        where p.payable_kind = 'order'
    )
    select t.order_id, t.refund_id, t.amount_minor, 'not agreed' as what from parts t
    where not exists (select from order_refunds a where a.order_id = t.order_id and cast(a.id as text) = t.refund_id)
    union all
    select a.order_id, cast(a.id as text), a.amount_minor, 'does not add up'
    from order_refunds a
    join (select order_id, refund_id, sum(amount_minor) filter (where state = 'succeeded') as done_minor
          from parts group by order_id, refund_id) t on t.order_id = a.order_id and t.refund_id = cast(a.id as text)
    where a.state = 'succeeded' and a.amount_minor <> coalesce(t.done_minor, 0)
    """


@invariant(
    "orders.not_overpaid_back",
    sentence={
        "zh-CN": "一笔支付的退款之和不超过它；没有到账的支付没有退款。",
        "en": "Refunds on a payment stay within it, and only payments that arrived have any.",
    },
)
def not_overpaid_back() -> str:
    """Payments that more goes back of than has come."""
    return """
    select p.payable_id as order_id, p.id, p.state, p.amount_minor, r.refunds_minor
    from payments p
    join (select brand_id, payment_id, sum(amount_minor) as refunds_minor from payment_refunds
          where state <> 'failed' group by brand_id, payment_id) r on r.brand_id = p.brand_id and r.payment_id = p.id
    where r.refunds_minor > p.amount_minor or p.state <> 'succeeded'
    """


@invariant(
    "orders.booked",
    sentence={
        "zh-CN": "订单的实付、已退、多付退回与运费，和总账里的分录分毫不差。",
        "en": "What was paid for an order, refunded and returned, freight apart, is in the ledger to the last cent.",
    },
)
def booked() -> str:
    """Orders whose amounts differ from the postings that explain them."""
    return """
    select coalesce(o.id, l.subject) as order_id, o.number, o.goods_minor, o.freight_minor, o.back_minor, o.freight_back_minor,
           o.returned_minor, l.sold, l.carried, l.goods_back, l.freight_back, l.not_needed
    from (select o.id, o.number, o.paid_minor - case when o.paid_minor > 0 then o.freight_minor else 0 end as goods_minor,
                 case when o.paid_minor > 0 then o.freight_minor else 0 end as freight_minor,
                 o.refunded_minor - o.freight_refunded_minor as back_minor, o.freight_refunded_minor as freight_back_minor,
                 coalesce(x.returned_minor, 0) as returned_minor
          from orders o
          left join (select order_id, sum(amount_minor) as returned_minor from order_refunds where extra group by order_id) x
               on x.order_id = o.id) o
    full join (
        select subject, sum(amount) filter (where kind = 'orders.sold') as sold,
               sum(amount) filter (where kind = 'orders.carried') as carried,
               sum(amount) filter (where kind = 'orders.goods_back') as goods_back,
               sum(amount) filter (where kind = 'orders.freight_back') as freight_back,
               sum(amount) filter (where kind = 'orders.not_needed') as not_needed
        from ledger_postings where kind in ('orders.sold', 'orders.carried', 'orders.goods_back', 'orders.freight_back', 'orders.not_needed')
             and state = 'posted'
        group by subject) l on l.subject = o.id
    where coalesce(o.goods_minor, 0) <> coalesce(l.sold, 0) or coalesce(o.freight_minor, 0) <> coalesce(l.carried, 0)
       or coalesce(o.back_minor, 0) <> coalesce(l.goods_back, 0) or coalesce(o.freight_back_minor, 0) <> coalesce(l.freight_back, 0)
       or coalesce(o.returned_minor, 0) <> coalesce(l.not_needed, 0)
    """


@invariant(
    "orders.booked_payments",
    sentence={
        "zh-CN": "每笔成功的付款和每笔成功的退款，在总账里恰有一笔同额分录。",
        "en": "Every payment that succeeded, and every refund that went back, has one posting of its amount.",
    },
)
def booked_payments() -> str:
    """Payments and refunds on them without their posting, and postings without them."""
    return """
    select coalesce(p.key, l.key) as key, p.amount_minor, p.currency, l.amount, l.unit
    from (select 'payments.came:' || id as key, amount_minor, currency from payments where state = 'succeeded'
          union all
          select 'payments.went_back:' || r.id, r.amount_minor, p.currency
          from payment_refunds r join payments p on p.id = r.payment_id where r.state = 'succeeded') p
    full join (select key, amount, unit from ledger_postings
               where kind in ('payments.came', 'payments.went_back') and state = 'posted') l on l.key = p.key
    where p.amount_minor is distinct from l.amount or p.currency is distinct from l.unit
    """
