"""What must always be true of stock."""

from siyu.kernel.checks import invariant


@invariant(
    "stock.replay",
    sentence={
        "zh-CN": "重放全部库存变动，得到的正是每个库存数。",
        "en": "Replaying all movements gives every balance exactly.",
    },
)
def replay() -> str:
    """Balances that differ from the sum of their movements, and movements without a balance."""
    return """
    select coalesce(l.sku_id, m.sku_id) as sku_id, coalesce(l.location_id, m.location_id) as location_id,
           l.on_hand, m.on_hand as replayed_on_hand, l.reserved, m.reserved as replayed_reserved
    from stock_levels l
    full join (
        select brand_id, sku_id, location_id, sum(delta_on_hand)::bigint as on_hand, sum(delta_reserved)::bigint as reserved
        from stock_movements group by brand_id, sku_id, location_id
    ) m on m.brand_id = l.brand_id and m.sku_id = l.sku_id and m.location_id = l.location_id
    where l.sku_id is null or l.on_hand <> coalesce(m.on_hand, 0) or l.reserved <> coalesce(m.reserved, 0)
    """


@invariant(
    "stock.steps",
    sentence={
        "zh-CN": "每一笔变动后的库存数，等于之前所有变动之和。",
        "en": "The balance kept with each movement is the sum of the movements up to it.",
    },
)
def steps() -> str:
    """Movements whose kept balance does not follow from the one before."""
    return """
    select seq, sku_id, location_id, on_hand_after, reserved_after from (
        select seq, sku_id, location_id, on_hand_after, reserved_after,
               sum(delta_on_hand) over before_it as on_hand, sum(delta_reserved) over before_it as reserved
        from stock_movements
        window before_it as (partition by sku_id, location_id order by seq)
    ) s
    where on_hand_after <> on_hand or reserved_after <> reserved
    """


@invariant(
    "stock.not_oversold",
    sentence={
        "zh-CN": "没有卖超：预留不多于现有，都不小于零。",
        "en": "Nothing is oversold: 0 <= reserved <= on hand.",
    },
)
def not_oversold() -> str:
    """Balances that promise more than there is."""
    return "select sku_id, location_id, on_hand, reserved from stock_levels where reserved < 0 or reserved > on_hand"
