"""Sessions of staff: signing in and out, changing one's password."""

from datetime import timedelta
from uuid import UUID

import msgspec
from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncSession

from siyu.kernel import clock
from siyu.kernel.db import Actor, Database, brand_of
from siyu.kernel.directory import brand_named
from siyu.people.brands import units
from siyu.people.staff import credentials, queries, rules
from siyu.people.staff.desk import Desk, audit
from siyu.people.staff.tables import StaffRow, StaffSessionRow
from siyu.people.staff.throttle import (
    NOBODY,
    Limit,
    count_attempt,
    forget_attempts,
    is_telling,
    uncount_attempt,
)

BY_LOGIN = Limit("staff.login", 10, timedelta(minutes=15))
BY_ADDRESS = Limit("staff.address", 50, timedelta(minutes=15))
BY_CHANGE = Limit("staff.password", 10, timedelta(minutes=15))


class SignedIn(msgspec.Struct, frozen=True):
    """A fresh session; the token leaves in a cookie and is not kept."""

    brand_id: UUID
    token: str


async def sign_in(
    database: Database,
    secret: bytes,
    *,
    login: str,
    password: str,
    address: str,
    request_id: str = "",
) -> SignedIn:
    """Begin a session. An unknown login takes as long as a known one and gets the same answer.

    Raises ``SignInFailed``, ``TooMany``. Owns its transactions: counted attempts outlive refusals.
    """
    login = login.strip().lower()
    by_login = credentials.keyed_hash(secret, "login", login)
    by_address = credentials.keyed_hash(secret, "address", address)
    telling = is_telling(address)
    async with database.raw(NOBODY) as connection:
        await count_attempt(connection, BY_LOGIN, by_login)
        if telling:
            await count_attempt(connection, BY_ADDRESS, by_address)
    async with database.dispatcher() as connection:
        brand_id = await brand_named(connection, "sign_in", login)
    kept: str | None = None
    if brand_id is not None:
        async with database.brand(brand_id) as session:
            row = await queries.staff_by_login(session, login)
            kept = row.password_hash if row is not None and row.active else None
    if not await credentials.is_password(kept, password) or brand_id is None:
        raise rules.SignInFailed
    async with database.raw(NOBODY) as connection:
        await forget_attempts(connection, BY_LOGIN, by_login)
        if telling:
            await uncount_attempt(connection, BY_ADDRESS, by_address)
    async with database.brand(brand_id) as session:
        row = await queries.staff_by_login(session, login)
        # The account may have changed while the password was looked at.
        if row is None or not row.active or row.password_hash != kept:
            raise rules.SignInFailed
        session.info["actor"] = Actor("staff", row.id, row.name, request_id)
        return SignedIn(brand_id, await _begin_session(session, row, address))


async def _begin_session(session: AsyncSession, row: StaffRow, address: str) -> str:
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
            address=address,
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
        path=path,
    )
    return token


async def sign_out(desk: Desk) -> None:
    """End the desk's own session."""
    await desk.session.execute(
        delete(StaffSessionRow).where(StaffSessionRow.token_hash == desk.token_hash)
    )


async def end_sessions(session: AsyncSession, staff_id: UUID, *, but: str | None = None) -> None:
    """End all sessions of a staff member, but for the one with this token hash."""
    ended = delete(StaffSessionRow).where(StaffSessionRow.staff_id == staff_id)
    await session.execute(ended.where(StaffSessionRow.token_hash != but) if but else ended)


async def change_password(desk: Desk, old: str, new: str) -> None:
    """Change one's own password and end one's other sessions. Raises ``WrongPassword``, ``WeakPassword``, ``TooMany``."""
    database = desk.runtime.database
    async with database.raw(
        desk.brand.id
    ) as connection:  # its own transaction: the count outlives the refusal
        await count_attempt(connection, BY_CHANGE, desk.staff.id.hex)
    row = await queries.staff_row(desk.session, desk.staff.id, [desk.staff.unit_id], lock=True)
    if not await credentials.is_password(row.password_hash, old):
        raise rules.WrongPassword
    rules.check_password(new, row.login)
    row.password_hash = await credentials.hash_password(new)
    await end_sessions(desk.session, row.id, but=desk.token_hash)
    await desk.audit(
        "staff.password_changed", subject_kind="staff", subject_id=row.id, label=row.name
    )
