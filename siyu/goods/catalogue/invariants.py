"""What must always be true of the catalogue."""

from siyu.kernel.checks import invariant


@invariant(
    "catalogue.search",
    sentence={
        "zh-CN": "搜索表里的词，正是每个商品自己记下的词。",
        "en": "The search table holds exactly the words that each product keeps for itself.",
    },
)
def search() -> str:
    """Words that a product is not found by, or is found by without having them."""
    return """
    select coalesce(p.id, t.id) as product_id, coalesce(p.token, t.token) as token
    from (select id, token from products, unnest(string_to_array(words, ' ')) as token
          where deleted_at is null and token <> '') p
    full join product_tokens t on t.id = p.id and t.token = p.token
    where p.id is null or t.id is null
    """


@invariant(
    "catalogue.kept",
    sentence={
        "zh-CN": "商品上为列表记下的规格数与价格，与它的在售规格一致。",
        "en": "What a product keeps for lists (SKUs, prices) agrees with its active SKUs.",
    },
)
def kept() -> str:
    """Products whose kept figures differ from their SKUs."""
    return """
    select p.id, p.sku_count, s.skus, p.price_min_minor, s.low, p.price_max_minor, s.high
    from products p
    left join (select product_id, count(*) as skus, min(price_minor) as low, max(price_minor) as high
               from skus where active group by product_id) s on s.product_id = p.id
    where p.deleted_at is null
      and (p.sku_count <> coalesce(s.skus, 0) or p.price_min_minor <> coalesce(s.low, 0)
           or p.price_max_minor <> coalesce(s.high, 0))
    """


@invariant(
    "catalogue.on_sale",
    sentence={
        "zh-CN": "在售的商品都有名称、规格和上架时间。",
        "en": "Everything on sale has a title, a SKU and the moment it went on sale.",
    },
)
def on_sale() -> str:
    """Products on sale that nobody could buy."""
    return """
    select id, handle from products
    where status = 'on_sale' and deleted_at is null and (sku_count = 0 or published_at is null or title = '{}'::jsonb)
    """
