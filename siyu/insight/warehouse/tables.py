"""The warehouse's tables. Both forget repetitions by their key; every row names its brand first."""

BEHAVIOUR_COLUMNS = (
    "brand", "message_id", "type", "name", "at", "received_at", "visitor", "customer", "source", "scene", "link", "store",
    "product", "sku", "quantity", "value_minor", "path", "properties", "origin",
)  # fmt: skip
SALES_COLUMNS = (
    "brand", "event_id", "line", "kind", "at", "order_id", "customer", "source", "scene", "store", "guide", "link",
    "product", "sku", "quantity", "minor", "late",
)  # fmt: skip
NOTHING = "00000000-0000-0000-0000-000000000000"
"""Stands for «none» in UUID columns, which sort and compress better than nullable ones."""

DDL = (
    """CREATE TABLE IF NOT EXISTS behaviour (
        brand UUID, message_id String, type LowCardinality(String), name LowCardinality(String),
        at DateTime64(3, 'UTC'), received_at DateTime64(3, 'UTC'), visitor String, customer UUID,
        source LowCardinality(String), scene LowCardinality(String), link String, store UUID,
        product UUID, sku UUID, quantity Int64, value_minor Int64, path String, properties String,
        origin LowCardinality(String)
    ) ENGINE = ReplacingMergeTree(received_at)
    PARTITION BY toYYYYMM(at) ORDER BY (brand, name, toDate(at), visitor, message_id)
    SETTINGS non_replicated_deduplication_window = 1000""",
    # What was written to behaviour in the last two days, whenever it was received, in the order of writing: a backup
    # goes on from it without reading behaviour again.
    """CREATE TABLE IF NOT EXISTS behaviour_lately (
        written DateTime64(3, 'UTC'), brand UUID, message_id String, type LowCardinality(String), name LowCardinality(String),
        at DateTime64(3, 'UTC'), received_at DateTime64(3, 'UTC'), visitor String, customer UUID,
        source LowCardinality(String), scene LowCardinality(String), link String, store UUID,
        product UUID, sku UUID, quantity Int64, value_minor Int64, path String, properties String,
        origin LowCardinality(String)
    ) ENGINE = MergeTree PARTITION BY toDate(written) ORDER BY written
    TTL toDateTime(written) + INTERVAL 2 DAY SETTINGS ttl_only_drop_parts = 1""",
    """CREATE MATERIALIZED VIEW IF NOT EXISTS behaviour_writing TO behaviour_lately AS
    SELECT now64(3, 'UTC') AS written, * FROM behaviour""",
    """CREATE TABLE IF NOT EXISTS sales (
        brand UUID, event_id UUID, line UInt16, kind LowCardinality(String), at DateTime64(3, 'UTC'),
        order_id UUID, customer UUID, source LowCardinality(String), scene LowCardinality(String),
        store UUID, guide UUID, link UUID, product UUID, sku UUID, quantity Int64, minor Int64, late UInt8
    ) ENGINE = ReplacingMergeTree
    PARTITION BY toYYYYMM(at) ORDER BY (brand, kind, toDate(at), event_id, line)
    SETTINGS non_replicated_deduplication_window = 1000""",
)


def stamp(milliseconds: int) -> str:
    """Unix milliseconds as ClickHouse reads them into DateTime64: a bare integer would be taken for seconds."""
    return f"{milliseconds // 1000}.{milliseconds % 1000:03d}"
