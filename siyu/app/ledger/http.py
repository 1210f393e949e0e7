"""The console's doors to the ledger. Whoever sees some stores only sees none of it: money is the whole brand's."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Annotated, Any, Literal
from uuid import UUID

import asyncpg
import msgspec
from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, QueryParameter

from siyu.app.ledger.export import csv_of
from siyu.app.ledger.wire import (
    ExplainedOut,
    LedgerEventOut,
    PostingOut,
    PostingPage,
    PostingSumOut,
    StatementOut,
    statement_of,
)
from siyu.kernel import clock, ledger
from siyu.kernel.db import driver_of
from siyu.kernel.errors import NotAllowed, NotFound, Refusal
from siyu.kernel.http import decode_cursor, encode_cursor
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


class ReversedPeriod(Refusal):
    """A period ends before it begins."""

    code = "ledger.reversed_period"
    status = 422
    detail = "The period ends before it begins. Exchange the two days."


class FarDay(Refusal):
    """A day that no books reach; ``facts``: first, last."""

    code = "ledger.far_day"
    status = 422
    detail = f"Days of the ledger lie between {EARLIEST} and {LATEST}. Choose another one."


class LongPeriod(Refusal):
    """A statement over more days than it may have; ``facts``: days."""

    code = "ledger.long_period"
    status = 422
    detail = f"A statement has {LONGEST} days at most. Choose a shorter period."


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
    _in_order(_day(first), _day(last))
    if (last - first).days > LONGEST:
        raise LongPeriod(days=LONGEST)
    return first, last


def _day(day: date) -> date:
    if not EARLIEST <= day <= LATEST:
        raise FarDay(first=str(EARLIEST), last=str(LATEST))
    return day


def _in_order(first: date | None, last: date) -> None:
    if first and first > last:
        raise ReversedPeriod


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
    """Opening, movements and closing of every account in a period of days; this month when none is named. Refusals: ledger.reversed_period, ledger.far_day, ledger.long_period."""
    return await _statement(desk, first, last)


@get("/ledger/statement.csv", tags=["ledger"], media_type="text/csv")
async def export_statement(
    desk: NamedDependency[Desk],
    first: First = None,
    last: Last = None,
    locale: FromQuery[Literal["zh-CN", "en"] | None] = None,
) -> Response[bytes]:
    """The statement as CSV: of each account its opening, a row per kind of posting, its closing; no totals.

    Each amount stands once, so that every column can be added up. Headers and names in ``locale``, else the asker's own.
    """
    statement = await _statement(desk, first, last)
    name = f"ledger-{statement.first}-{statement.last}.csv"
    return Response(
        csv_of(statement, locale or desk.staff.locale),
        media_type="text/csv",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


@get("/ledger/postings", tags=["ledger"])
async def list_postings(
    *,
    desk: NamedDependency[Desk],
    account_id: FromQuery[UUID | None] = None,
    kind: Kind = None,
    subject: FromQuery[UUID | None] = None,
    side: FromQuery[Literal["debit", "credit"] | None] = None,
    first: First = None,
    last: Last = None,
    cursor: FromQuery[str | None] = None,
    limit: Size = 40,
) -> PostingPage:
    """Postings, the newest first, and what they come to: of an account, a kind, a subject (an order), a period of days.

    ``side``: only those that debit (or credit) ``account_id``. A period may be open at either end. Refusals: ledger.reversed_period,
    ledger.far_day, http.bad_cursor.
    """
    connection = await _open(desk)
    begin = end = None
    if first:
        begin = clock.start_of_day(_day(first), desk.brand.time_zone)
    if last:
        _in_order(first, _day(last))
        end = clock.start_of_day(last + timedelta(days=1), desk.brand.time_zone)
    before = decode_cursor(cursor, datetime, UUID)
    chosen = ledger.Chosen(account_id, kind or None, subject, begin, end, side)
    lines = await ledger.page_of_lines(
        connection, chosen, before=(before[0], before[1]) if before else None, limit=limit + 1
    )
    sums = [] if cursor else await ledger.moved(connection, chosen)
    following = None
    if len(lines) > limit:
        following = encode_cursor((lines[limit - 1].booked_at, lines[limit - 1].id))
    labels = await _labels(connection, lines[:limit])
    return PostingPage(
        [PostingOut.of(line, _label(labels, line)) for line in lines[:limit]],
        following,
        [PostingSumOut(one.unit, one.debit, one.credit) for one in sums],
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
