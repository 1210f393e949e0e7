"""A staff member's second step: begun, confirmed, asked for at sign-in, turned off, taken away by who may."""

import hashlib
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec
import structlog
from sqlalchemy import delete, exists, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from siyu.kernel import clock
from siyu.kernel.db import brand_of
from siyu.kernel.sealing import Unreadable, seal, unseal
from siyu.people.staff import credentials, rules
from siyu.people.staff.desk import Desk
from siyu.people.staff.second_step import totp
from siyu.people.staff.tables import RecoveryCodeRow, SecondStepRow, StaffRow, StaffSessionRow
from siyu.people.staff.throttle import Limit, count_attempt

log = structlog.get_logger("siyu.staff")
BY_CODE = Limit("staff.code", 30, timedelta(days=1))
"""Codes that may be tried for one person: with three valid at a time, a guesser finds one in about 30 years."""
RECOVERY_CODES = 10


class Begun(msgspec.Struct, frozen=True):
    """What the app needs to know, once: the secret as text, and the address that a QR code carries."""

    secret: str
    address: str


class State(msgspec.Struct, frozen=True):
    """Whether somebody has a second step, and how many recovery codes are left."""

    on: bool
    recovery_codes_left: int


async def state_of(session: AsyncSession, staff_id: UUID) -> State:
    """A staff member's second step as it stands."""
    confirmed = exists().where(
        SecondStepRow.staff_id == staff_id, SecondStepRow.confirmed_at.is_not(None)
    )
    left = select(func.count()).where(
        RecoveryCodeRow.staff_id == staff_id, RecoveryCodeRow.used_at.is_(None)
    )
    row = (await session.execute(select(confirmed, left.scalar_subquery()))).one()
    return State(row[0], row[1])


async def begin(desk: Desk) -> Begun:
    """Make a secret for oneself that waits for its first code; one that waited before is replaced.

    Raises ``SecondStepOn`` when there is a confirmed one.
    """
    row = await _row(desk.session, desk.staff.id)
    if row is not None and row.confirmed_at is not None:
        raise rules.SecondStepOn
    secret = totp.new_secret()
    sealed = seal(desk.runtime.secret, name_of(desk.brand.id, desk.staff.id), secret)
    if row is None:
        row = SecondStepRow(staff_id=desk.staff.id, secret=sealed, last_step=0)
        desk.session.add(row)
    row.secret, row.last_step, row.created_at = sealed, 0, clock.now()
    await desk.session.flush()
    issuer = f"siyu {desk.brand.slug}"
    return Begun(totp.spelled(secret), totp.address(secret, desk.staff.login, issuer))


async def confirm(desk: Desk, code: str) -> list[str]:
    """Turn one's second step on with its first code; the recovery codes, shown this once. One's other sessions end.

    Raises ``SecondStepOff`` before ``begin``, ``SecondStepOn``, ``WrongFirstCode``, ``TooMany``.
    """
    await count(desk.runtime.database, desk.brand.id, desk.staff.id)
    row = await _row(desk.session, desk.staff.id)
    if row is None:
        raise rules.SecondStepOff
    if row.confirmed_at is not None:
        raise rules.SecondStepOn
    if not _take_code(row, desk.runtime.secret, code):
        raise rules.WrongFirstCode
    row.confirmed_at = clock.now()
    await desk.session.execute(  # they were begun with the password alone
        delete(StaffSessionRow).where(
            StaffSessionRow.staff_id == desk.staff.id, StaffSessionRow.token_hash != desk.token_hash
        )
    )
    await _written(desk, "staff.second_step_on")
    return await _new_codes(desk.session, desk.staff.id)


async def new_recovery_codes(desk: Desk, code: str) -> list[str]:
    """Fresh recovery codes in place of all old ones. Raises ``SecondStepOff``, ``WrongCode``, ``TooMany``."""
    await _prove(desk, code)
    await _written(desk, "staff.recovery_codes_made")
    return await _new_codes(desk.session, desk.staff.id)


async def turn_off(desk: Desk, code: str) -> None:
    """Give one's second step up. Raises ``SecondStepRequired``, ``SecondStepOff``, ``WrongCode``, ``TooMany``."""
    if desk.brand.second_step_required:
        raise rules.SecondStepRequired
    await _prove(desk, code)
    await remove(desk.session, desk.staff.id)
    await _written(desk, "staff.second_step_off")


async def remove(session: AsyncSession, staff_id: UUID) -> bool:
    """Take a staff member's second step away; whether there was one."""
    await session.execute(delete(RecoveryCodeRow).where(RecoveryCodeRow.staff_id == staff_id))
    gone = await session.scalar(
        delete(SecondStepRow)
        .where(SecondStepRow.staff_id == staff_id)
        .returning(SecondStepRow.staff_id)
    )
    return gone is not None


async def count(database: Any, brand_id: UUID, staff_id: UUID) -> None:
    """Count a try in a transaction of its own, so that it outlives the refusal. Raises ``TooMany``."""
    async with database.raw(brand_id) as connection:
        await count_attempt(connection, BY_CODE, staff_id.hex)


async def take(session: AsyncSession, secret: bytes, staff_id: UUID, code: str) -> str:
    """Use a code of the app or a recovery code up, in the session's transaction: ``app`` or ``recovery``.

    Two who bring the same code at once wait for each other, and one is refused. Raises ``SecondStepOff``, ``WrongCode``.
    """
    row = await _row(session, staff_id)
    if row is None or row.confirmed_at is None:
        raise rules.SecondStepOff
    if _take_code(row, secret, code):
        await session.flush()
        return "app"
    used = await session.scalar(
        update(RecoveryCodeRow)
        .where(
            RecoveryCodeRow.staff_id == staff_id,
            RecoveryCodeRow.code_hash == _hash(staff_id, code),
            RecoveryCodeRow.used_at.is_(None),
        )
        .values(used_at=clock.now())
        .returning(RecoveryCodeRow.code_hash)
    )
    if used is None:
        raise rules.WrongCode
    return "recovery"


async def _prove(desk: Desk, code: str) -> None:
    await count(desk.runtime.database, desk.brand.id, desk.staff.id)
    await take(desk.session, desk.runtime.secret, desk.staff.id, code)


async def _row(session: AsyncSession, staff_id: UUID) -> SecondStepRow | None:
    # The person's own row is the lock: it is there before there is a second step.
    await session.execute(select(StaffRow.id).where(StaffRow.id == staff_id).with_for_update())
    return await session.get(SecondStepRow, (brand_of(session), staff_id), populate_existing=True)


def _take_code(row: SecondStepRow, secret: bytes, code: str) -> bool:
    try:
        own = unseal(secret, name_of(row.brand_id, row.staff_id), row.secret)
    except Unreadable:  # the house's secret is another one now; recovery codes do not need it
        log.warning("second step unreadable", staff=str(row.staff_id))
        return False
    now = totp.step_of(clock.now().timestamp())
    step = totp.matching_step(own, "".join(code.split()), now, row.last_step)
    if step is None:
        return False
    row.last_step = step
    return True


async def _new_codes(session: AsyncSession, staff_id: UUID) -> list[str]:
    codes = [credentials.random_password() for _ in range(RECOVERY_CODES)]
    await session.execute(delete(RecoveryCodeRow).where(RecoveryCodeRow.staff_id == staff_id))
    session.add_all(
        RecoveryCodeRow(staff_id=staff_id, code_hash=_hash(staff_id, code)) for code in codes
    )
    await session.flush()
    return codes


def _hash(staff_id: UUID, code: str) -> str:
    # 79 random bits: a plain hash cannot be searched, and needs no key that might get lost.
    bare = "".join(letter for letter in code.lower() if letter.isalnum())
    return hashlib.sha256(f"recovery/{staff_id}/{bare}".encode()).hexdigest()


def name_of(brand_id: UUID, staff_id: UUID) -> str:
    """The name under which a staff member's secret is sealed: it opens in nobody else's place."""
    return f"{brand_id}/second-step/{staff_id}"


async def _written(desk: Desk, action: str) -> None:
    await desk.audit(action, subject_kind="staff", subject_id=desk.staff.id, label=desk.staff.name)
