"""The console's doors to the ledger. Whoever sees some stores only sees none of it: money is the whole brand's."""

import csv
import io
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Annotated, Any, Literal
from uuid import UUID

import asyncpg
import msgspec
from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, QueryParameter

from siyu.app.ledger.wire import (
    ExplainedOut,
    LedgerEventOut,
    PostingOut,
    PostingPage,
    StatementOut,
    statement_of,
)
from siyu.kernel import clock, ledger
from siyu.kernel.cells import cell
from siyu.kernel.db import driver_of
from siyu.kernel.errors import Invalid, NotAllowed, NotFound
from siyu.kernel.http import decode_cursor, encode_cursor
from siyu.kernel.money import MINOR_DIGITS, to_text
from siyu.people.staff import Desk, permission

permission("ledger.view", {"zh-CN": "查看总账", "en": "See the ledger"})

Size = Annotated[int, QueryParameter(ge=1, le=100)]
First = Annotated[date | None, QueryParameter(name="from")]
Last = Annotated[date | None, QueryParameter(name="to")]
Kind = Annotated[str | None, QueryParameter(max_length=60, pattern=r"^[a-z_.]*$")]
Figure = Literal["order_paid", "order_refunded", "payment", "refund", "posting"]
EARLIEST, LATEST = date(2000, 1, 1), date(2999, 12, 31)
LONGEST = 3_660
"""Days of a statement."""
_OF_SUBJECT = {
    "order_paid": ("orders.sold", "orders.carried"),
    "order_refunded": ("orders.goods_back", "orders.freight_back"),
}
_OF_KEY = {
    "payment": ("payments.came",),
    "refund": ("orders.goods_back", "orders.freight_back", "orders.not_needed"),
}


async def _open(desk: Desk) -> asyncpg.Connection:
    desk.require("ledger.view")
    if await desk.unit_ids() is not None:
        raise NotAllowed(permission="ledger.view")
    return await driver_of(desk.session)


def _days(desk: Desk, first: date | None, last: date | None) -> tuple[date, date]:
    """The period asked for, else this month so far."""
    today = clock.today(desk.brand.time_zone)
    last = last or max(first or today, today)
    first = first or last.replace(day=1)
    if not EARLIEST <= first <= last <= LATEST or (last - first).days > LONGEST:
        raise Invalid(
            errors=[{"path": "from", "message": "a day not after 'to', at most ten years before"}]
        )
    return first, last


async def _statement(desk: Desk, first: date | None, last: date | None) -> StatementOut:
    connection = await _open(desk)
    first, last = _days(desk, first, last)
    zone = desk.brand.time_zone
    begin = clock.start_of_day(first, zone)
    flows = await ledger.flows(
        connection, begin, clock.start_of_day(last + timedelta(days=1), zone)
    )
    return statement_of(first, last, await ledger.books(connection), flows)


@get("/ledger/statement", tags=["ledger"])
async def read_statement(
    desk: NamedDependency[Desk], first: First = None, last: Last = None
) -> StatementOut:
    """Opening, movements and closing of every account in a period of days; this month when none is named. Refusals: http.invalid."""
    return await _statement(desk, first, last)


@get("/ledger/statement.csv", tags=["ledger"], media_type="text/csv")
async def export_statement(
    desk: NamedDependency[Desk], first: First = None, last: Last = None
) -> Response[bytes]:
    """The statement as CSV: a row per account and kind of posting, a total per unit. Refusals: http.invalid."""
    statement = await _statement(desk, first, last)
    file = io.StringIO()
    out = csv.writer(file)
    out.writerow(["unit", "account", "owner", "posting", "opening", "debit", "credit", "closing"])
    for line in statement.lines:
        own = [line.unit, line.account.kind, line.account.owner]
        for move in line.movements:
            amounts = [_amount(one, line.unit) for one in (move.debit, move.credit)]
            out.writerow([*map(cell, [*own, move.kind]), "", *amounts, ""])
        numbers = (line.opening, line.debit, line.credit, line.closing)
        out.writerow([*map(cell, [*own, "total"]), *(_amount(one, line.unit) for one in numbers)])
    for total in statement.totals:
        both = [_amount(one, total.unit) for one in (total.debit, total.credit)]
        out.writerow([cell(total.unit), "all", "", "total", "", *both, ""])
    name = f"ledger-{statement.first}-{statement.last}.csv"
    return Response(
        b"\xef\xbb\xbf" + file.getvalue().encode(),
        media_type="text/csv",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _amount(value: int, unit: str) -> str:
    return to_text(value, unit) if unit in MINOR_DIGITS else str(value)


@get("/ledger/postings", tags=["ledger"])
async def list_postings(
    *,
    desk: NamedDependency[Desk],
    account_id: FromQuery[UUID | None] = None,
    kind: Kind = None,
    subject: FromQuery[UUID | None] = None,
    first: First = None,
    last: Last = None,
    cursor: FromQuery[str | None] = None,
    limit: Size = 40,
) -> PostingPage:
    """Postings, the newest first: of an account, a kind, a subject (an order), a period of days. Refusals: http.invalid, http.bad_cursor."""
    connection = await _open(desk)
    begin = end = None
    if first or last:
        first, last = _days(desk, first, last)
        begin = clock.start_of_day(first, desk.brand.time_zone)
        end = clock.start_of_day(last + timedelta(days=1), desk.brand.time_zone)
    before = decode_cursor(cursor, datetime, UUID)
    lines = await ledger.page_of_lines(
        connection,
        ledger.Chosen(account_id, kind or None, subject, begin, end),
        before=(before[0], before[1]) if before else None,
        limit=limit + 1,
    )
    following = None
    if len(lines) > limit:
        following = encode_cursor((lines[limit - 1].booked_at, lines[limit - 1].id))
    labels = await _labels(connection, lines[:limit])
    return PostingPage(
        [PostingOut.of(line, _label(labels, line)) for line in lines[:limit]], following
    )


@get("/ledger/explain/{figure:str}/{of:uuid}", tags=["ledger"])
async def explain(
    desk: NamedDependency[Desk], figure: FromPath[Figure], of: FromPath[UUID]
) -> ExplainedOut:
    """What an amount is made of: its postings, the event of each, and the rule with its version.

    ``of`` is the order, the payment, the refund or the posting. Refusals: http.not_found.
    """
    connection = await _open(desk)
    if kinds := _OF_SUBJECT.get(figure):
        chosen = ledger.Chosen(subject=of)
        found = await ledger.page_of_lines(connection, chosen, limit=1000)
        lines = [line for line in found if line.kind in kinds]
    elif kinds := _OF_KEY.get(figure):
        lines = await ledger.lines_by_key(connection, [f"{kind}:{of}" for kind in kinds])
    else:
        lines = await ledger.lines_by_id(connection, [of])
    if not lines:
        raise NotFound(id=str(of))
    lines.reverse()
    labels = await _labels(connection, lines)
    told = await _events(connection, lines)
    amount = sum(line.amount for line in lines if line.state != "void")
    out = [
        PostingOut.of(line, _label(labels, line), told.get(line.event_id or line.id))
        for line in lines
    ]
    return ExplainedOut(amount, lines[0].unit, out)


async def _labels(connection: asyncpg.Connection, lines: Sequence[ledger.Line]) -> dict[UUID, str]:
    subjects = list({line.subject for line in lines if line.subject})
    rows = await connection.fetch(
        "select id, number from orders where id = any($1::uuid[])", subjects
    )
    return {row["id"]: row["number"] for row in rows}


def _label(labels: dict[UUID, str], line: ledger.Line) -> str:
    return labels.get(line.subject, "") if line.subject else ""


async def _events(
    connection: asyncpg.Connection, lines: Sequence[ledger.Line]
) -> dict[UUID, LedgerEventOut]:
    """Events by id. The log is found by subject: that of the posting, or the thing that its key names."""
    subjects = {line.subject for line in lines if line.subject}
    for line in lines:
        try:
            subjects.add(UUID(line.key.rpartition(":")[2]))
        except ValueError:
            continue
    ids = [line.event_id for line in lines if line.event_id]
    rows = await connection.fetch(
        """select id, kind, occurred_at, origin, actor ->> 'kind' as actor_kind, data::text as data from events
           where subject = any($1::uuid[]) and id = any($2::uuid[])""",
        list(subjects),
        ids,
    )
    return {
        row["id"]: LedgerEventOut(
            row["id"], row["kind"], row["occurred_at"], row["origin"], row["actor_kind"] or "",
            msgspec.json.decode(row["data"], type=dict[str, Any]),
        )
        for row in rows
    }  # fmt: skip


console_routes = [read_statement, export_statement, list_postings, explain]
