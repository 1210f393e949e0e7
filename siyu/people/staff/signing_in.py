"""Sessions of staff: signing in and out, looking at them and ending them, changing one's password."""

from datetime import timedelta
from uuid import UUID

import msgspec
from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncSession

from siyu.kernel import clock
from siyu.kernel.db import Actor, Database, brand_of
from siyu.kernel.directory import brand_named
from siyu.kernel.errors import NotFound
from siyu.people.brands import units
from siyu.people.staff import credentials, queries, rules
from siyu.people.staff.desk import Desk, audit
from siyu.people.staff.second_step import keeping
from siyu.people.staff.tables import StaffRow, StaffSessionRow
from siyu.people.staff.throttle import (
    NOBODY,
    Limit,
    count_attempt,
    forget_attempts,
    is_telling,
    network_of,
    uncount_attempt,
)

BY_LOGIN = Limit("staff.login", 10, timedelta(minutes=15))
BY_ADDRESS = Limit("staff.address", 50, timedelta(minutes=15))
BY_DEVICE = Limit("staff.device", 10, timedelta(minutes=15))
"""Of a browser that signed in under this name before: strangers who use up the name's tries do not use up these."""
BY_CHANGE = Limit("staff.password", 10, timedelta(minutes=15))


DEVICE_LENGTH = 200


class SignedIn(msgspec.Struct, frozen=True):
    """A fresh session; the token leaves in a cookie and is not kept."""

    brand_id: UUID
    token: str


class Caller(msgspec.Struct, frozen=True):
    """Where a sign-in comes from: network address, what the browser calls itself, the request."""

    address: str
    device: str = ""
    request_id: str = ""
    known: str = ""
    """The mark that this browser holds for the login that is typed (``credentials.device_mark``), if it holds one."""


async def sign_in(
    database: Database, secret: bytes, *, login: str, password: str, code: str, caller: Caller
) -> SignedIn:
    """Begin a session. An unknown login takes as long as a known one and gets the same answer.

    Raises ``SignInFailed``, ``TooMany``; with the right password only: ``SecondStepWanted``, ``WrongCode``.
    Owns its transactions: counted attempts outlive refusals.
    """
    login = login.strip().lower()
    counted = _counted(secret, login, caller)
    async with database.raw(NOBODY) as connection:
        for limit, key in counted:
            await count_attempt(connection, limit, key)
    async with database.dispatcher() as connection:
        found = await brand_named(connection, "sign_in", login)
    brand_id = found or NOBODY  # nobody's brand is asked as well: the work is the same
    async with database.brand(brand_id) as session:
        row = await queries.staff_by_login(session, login)
        kept = row.password_hash if row is not None and row.active else None
    if not await credentials.is_password(kept, password) or row is None:
        raise rules.SignInFailed
    signed_in = await _enter(database, secret, brand_id, row, code, caller)
    async with database.raw(NOBODY) as connection:
        for limit, key in counted:
            if limit is BY_ADDRESS:
                await uncount_attempt(connection, limit, key)
            else:
                await forget_attempts(connection, limit, key)
    return signed_in


def _counted(secret: bytes, login: str, caller: Caller) -> list[tuple[Limit, str]]:
    """By what an attempt is counted: by the browser alone when it is known, else by login and network.

    A mark is good for one login, so a stolen one guesses no faster than a stranger, and only there.
    """
    if credentials.is_device_mark(secret, login, caller.known):
        return [(BY_DEVICE, credentials.keyed_hash(secret, "device", caller.known))]
    counted = [(BY_LOGIN, credentials.keyed_hash(secret, "login", login))]
    if is_telling(caller.address):
        network = network_of(caller.address)
        counted.append((BY_ADDRESS, credentials.keyed_hash(secret, "address", network)))
    return counted


async def _enter(
    database: Database, secret: bytes, brand_id: UUID, known: StaffRow, code: str, caller: Caller
) -> SignedIn:
    """The part after the password: the second step, if there is one, and the session in one transaction."""
    async with database.brand(brand_id) as session:
        wanted = (await keeping.state_of(session, known.id)).on
    if wanted and not code.strip():
        raise rules.SecondStepWanted
    if wanted:
        await keeping.count(database, brand_id, known.id)
    async with database.brand(brand_id) as session:
        row = await session.get(StaffRow, (brand_id, known.id))
        # The account may have changed while the password was looked at.
        if row is None or not row.active or row.password_hash != known.password_hash:
            raise rules.SignInFailed
        session.info["actor"] = Actor("staff", row.id, row.name, caller.request_id)
        if (await keeping.state_of(session, row.id)).on and not wanted:
            raise rules.SecondStepWanted
        step = await keeping.take(session, secret, row.id, code) if wanted else ""
        return SignedIn(brand_id, await _begin_session(session, row, caller, step))


async def _begin_session(session: AsyncSession, row: StaffRow, caller: Caller, step: str) -> str:
    now = clock.now()
    await session.execute(
        delete(StaffSessionRow).where(
            StaffSessionRow.staff_id == row.id,
            (StaffSessionRow.last_seen_at <= now - queries.IDLE)
            | (StaffSessionRow.created_at <= now - queries.LONGEST),
        )
    )
    token = credentials.new_token(brand_of(session))
    session.add(
        StaffSessionRow(
            token_hash=credentials.hash_of(token),
            staff_id=row.id,
            created_at=now,
            last_seen_at=now,
            address=caller.address,
            device=caller.device.replace("\0", "")[:DEVICE_LENGTH],
        )
    )
    row.last_seen_at = now
    path = (await units(session, [row.unit_id]))[row.unit_id].path
    await audit(
        session,
        "staff.signed_in",
        subject_kind="staff",
        subject_id=row.id,
        label=row.name,
        facts={"second_step": step} if step else None,
        path=path,
    )
    return token


async def sign_out(desk: Desk) -> None:
    """End the desk's own session."""
    await desk.session.execute(
        delete(StaffSessionRow).where(StaffSessionRow.token_hash == desk.token_hash)
    )


async def end_sessions(session: AsyncSession, staff_id: UUID, *, but: str | None = None) -> int:
    """End all sessions of a staff member, but for the one with this token hash; how many."""
    ended = delete(StaffSessionRow).where(StaffSessionRow.staff_id == staff_id)
    if but:
        ended = ended.where(StaffSessionRow.token_hash != but)
    return len(list(await session.scalars(ended.returning(StaffSessionRow.id))))


async def end_one(desk: Desk, staff_id: UUID, session_id: UUID) -> None:
    """End one session of a staff member. It is read from the database with every request, so it ends at once. Raises ``NotFound``."""
    gone = await desk.session.scalar(
        delete(StaffSessionRow)
        .where(StaffSessionRow.staff_id == staff_id, StaffSessionRow.id == session_id)
        .returning(StaffSessionRow.id)
    )
    if gone is None:
        raise NotFound(session_id=str(session_id))
    await note_ended(desk, staff_id, 1)


async def note_ended(desk: Desk, staff_id: UUID, count: int) -> None:
    """Write down that sessions of a staff member were ended by hand."""
    who = await queries.names(desk.session, [staff_id])
    await desk.audit(
        "staff.sessions_ended",
        subject_kind="staff",
        subject_id=staff_id,
        label=who.get(staff_id, ""),
        facts={"count": count},
    )


async def prove_password(desk: Desk, password: str) -> StaffRow:
    """One's own account, locked, once the present password is given right. Raises ``WrongPassword``, ``TooMany``."""
    database = desk.runtime.database
    async with database.raw(
        desk.brand.id
    ) as connection:  # its own transaction: the count outlives the refusal
        await count_attempt(connection, BY_CHANGE, desk.staff.id.hex)
    row = await queries.staff_row(desk.session, desk.staff.id, [desk.staff.unit_id], lock=True)
    if not await credentials.is_password(row.password_hash, password):
        raise rules.WrongPassword
    return row


async def change_password(desk: Desk, old: str, new: str) -> None:
    """Change one's own password and end one's other sessions. Raises ``WrongPassword``, ``WeakPassword``, ``TooMany``."""
    row = await prove_password(desk, old)
    rules.check_password(new, row.login)
    row.password_hash = await credentials.hash_password(new)
    await end_sessions(desk.session, row.id, but=desk.token_hash)
    await desk.audit(
        "staff.password_changed", subject_kind="staff", subject_id=row.id, label=row.name
    )
