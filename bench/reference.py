"""The yardstick: the rows of placed orders written by bare batched SQL on one connection, durably, and nothing else.

No HTTP, no session, no prices, no look-ups, no decisions: whoever writes these rows cannot be faster on this machine
with one connection. The rows are those of an order that was really placed, with fresh ids, in the same tables, under
the same role and row-level security, with the stock moved and kept after each movement.
"""

import time
from collections.abc import Iterator
from typing import Any

import asyncpg

from bench.load import Plan, drive
from bench.report import Figure, Report, load_average
from bench.stack import Stack, house_or
from bench.stall import Stall, book, open_stall
from siyu.kernel.checks import run_checks
from siyu.kernel.ids import new_id

BATCH = 128
_LEFT_TO_THE_DATABASE = {"brand_id", "seq", "xid", "recorded_at"}
_COLUMNS = """
select attname, format_type(atttypid, atttypmod) from pg_attribute
where attrelid = $1::regclass and attnum > 0 and not attisdropped order by attnum
"""


class _Table:
    """Writes any number of rows of one table in one statement; ``sample`` is a real row as text-free values."""

    def __init__(self, name: str, columns: list[tuple[str, str]], sample: dict[str, Any]) -> None:
        self._columns = [column for column, _ in columns]
        self.sample = sample
        kinds = ", ".join(f"${at}::{kind}[]" for at, (_, kind) in enumerate(columns, 1))
        names = ", ".join(f'"{column}"' for column in self._columns)
        self._sql = f"insert into {name} ({names}) select * from unnest({kinds})"

    async def write(self, connection: asyncpg.Connection, rows: list[dict[str, Any]]) -> None:
        """Insert the rows."""
        await connection.execute(
            self._sql, *([row[column] for row in rows] for column in self._columns)
        )


class Reference:
    """One connection that writes batches of orders of one SKU into a brand of its own."""

    def __init__(self, stack: Stack, stall: Stall) -> None:
        self._stack, self.stall = stack, stall
        self._numbers: Iterator[int] = iter(range(10**9))
        self.written = 0

    async def open(self) -> None:
        """Connect, and take the rows of one order placed through the shop as the pattern."""
        outcome = await drive(
            Plan(
                self._stack.port,
                lanes=[[self.stall.order(self.stall.buyers[0], self.stall.skus[0])]],
                once=True,
            )
        )
        assert outcome.answers == {"201": 1}, outcome.sample
        self.written = 1
        self._connection = await asyncpg.connect(self._stack.urls.app)
        await self._connection.execute(
            "select set_config('siyu.brand', $1, false)", str(self.stall.brand_id)
        )
        self._orders = await self._table("orders", "true")
        self._lines = await self._table("order_lines", "true")
        self._movements = await self._table("stock_movements", "kind = 'reserved'")
        self._events = await self._table("events", "kind = 'orders.placed/1'")
        self._timers = await self._table("timers", "kind = 'orders.unpaid'")

    async def _table(self, name: str, which: str) -> _Table:
        rows = await self._connection.fetch(_COLUMNS, name)
        columns = [(row[0], row[1]) for row in rows if row[0] not in _LEFT_TO_THE_DATABASE]
        sample = await self._connection.fetchrow(f"select * from {name} where {which} limit 1")
        return _Table(name, columns, dict(sample))

    async def close(self) -> None:
        """Give the connection back."""
        await self._connection.close()

    async def round(self, seconds: float) -> float:
        """Write batch after batch for so long; orders a second."""
        began, count = time.perf_counter(), 0
        while (spent := time.perf_counter() - began) < seconds:
            async with self._connection.transaction():
                await self._connection.execute(
                    "select set_config('siyu.brand', $1, true)", str(self.stall.brand_id)
                )
                await self._batch()
            count += BATCH
        self.written += count
        return count / spent

    async def _batch(self) -> None:
        order, line, movement, event = (
            table.sample for table in (self._orders, self._lines, self._movements, self._events)
        )
        buyers = self.stall.buyers
        orders: list[dict[str, Any]] = []
        lines: list[dict[str, Any]] = []
        movements: list[dict[str, Any]] = []
        events: list[dict[str, Any]] = []
        reserved = await self._connection.fetchval(
            """update stock_levels set reserved = reserved + $3, updated_at = clock_timestamp()
               where sku_id = $1 and location_id = $2 returning reserved""",
            line["sku_id"], self.stall.location_id, BATCH,
        )  # fmt: skip
        was = {
            "order": str(order["id"]),
            "line": str(line["line_id"]),
            "customer": str(order["customer_id"]),
        }
        for at in range(BATCH):
            id, line_id, customer_id = new_id(), new_id(), buyers[at % len(buyers)].id
            number = f"R{next(self._numbers):013d}"
            orders.append(
                order
                | {"id": id, "number": number, "customer_id": customer_id, "request_key": number}
            )
            lines.append(line | {"order_id": id, "line_id": line_id})
            after = reserved - BATCH + at + 1
            movements.append(
                movement | {"order_id": id, "order_number": number, "reserved_after": after}
            )
            data = event["data"].replace(was["order"], str(id)).replace(was["line"], str(line_id))
            data = data.replace(was["customer"], str(customer_id)).replace(order["number"], number)
            events.append(event | {"id": new_id(), "subject": id, "data": data})
        await self._orders.write(self._connection, orders)
        await self._lines.write(self._connection, lines)
        await self._movements.write(self._connection, movements)
        await self._events.write(self._connection, events)
        await self._timers.write(self._connection, [self._timers.sample | {"subject": new_id()}])

    async def prove(self, report: Report) -> None:
        """Check that every row is there and the books are right."""
        found = await book(self._stack, self.stall)
        alike = {
            found[what]
            for what in ("orders", "lines", "events", "subjects", "movements", "taken", "keys")
        }
        report.check(
            "reference: orders = lines = events = stock delta = what was written",
            alike == {self.written},
            **found,
        )
        broken = await run_checks(self._stack.database, self.stall.brand_id)
        report.check(
            "reference: every invariant holds", not broken, broken=[one.name for one in broken]
        )


async def run(
    *, seconds: float = 3.0, rounds: int = 5, buyers: int = 128, given: Stack | None = None
) -> Report:
    """The yardstick alone."""
    report = Report(
        "reference", {"batch": BATCH, "seconds": seconds, "fsync": "on", "synchronous_commit": "on"}
    )
    async with house_or(given) as stack:
        reference = Reference(
            stack, await open_stall(stack, skus=1, pieces=10_000_000, buyers=buyers)
        )
        await reference.open()
        await reference.round(0.5)
        rates: list[float] = []
        loads: list[float] = []
        for _ in range(rounds):
            await stack.settled()
            loads.append(load_average())
            rates.append(await reference.round(seconds))
        report.figures.append(Figure("bare batched SQL, one connection", "orders/s", rates, loads))
        await reference.prove(report)
        await reference.close()
    return report
