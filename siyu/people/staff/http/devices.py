"""The console's doors to signed-in browsers: one's own, and those of one's staff."""

from datetime import datetime
from uuid import UUID

import msgspec
from litestar import delete, get
from litestar.di import NamedDependency
from litestar.params import FromPath

from siyu.people.staff import actions, queries, signing_in
from siyu.people.staff.desk import BEFORE_SECOND_STEP, Desk


class DeviceOut(msgspec.Struct):
    """A signed-in browser; ``device`` is what it calls itself, ``current`` the one that asks."""

    id: UUID
    device: str
    address: str
    created_at: datetime
    last_seen_at: datetime
    current: bool


class DeviceListOut(msgspec.Struct):
    items: list[DeviceOut]


async def _devices(desk: Desk, staff_id: UUID) -> DeviceListOut:
    return DeviceListOut(
        [
            DeviceOut(
                row.id,
                row.device,
                row.address,
                row.created_at,
                row.last_seen_at,
                row.token_hash == desk.token_hash,
            )
            for row in await queries.sessions_of(desk.session, staff_id)
        ]
    )


@get("/sessions", tags=["session"], opt=BEFORE_SECOND_STEP)
async def list_own_sessions(desk: NamedDependency[Desk]) -> DeviceListOut:
    """Where one is signed in, the browser used last first."""
    return await _devices(desk, desk.staff.id)


@delete("/sessions", tags=["session"], status_code=204, opt=BEFORE_SECOND_STEP)
async def end_other_sessions(desk: NamedDependency[Desk]) -> None:
    """Sign out everywhere but here, at once."""
    ended = await signing_in.end_sessions(desk.session, desk.staff.id, but=desk.token_hash)
    if ended:
        await signing_in.note_ended(desk, desk.staff.id, ended)


@delete("/sessions/{session_id:uuid}", tags=["session"], status_code=204, opt=BEFORE_SECOND_STEP)
async def end_own_session(desk: NamedDependency[Desk], session_id: FromPath[UUID]) -> None:
    """Sign one of one's browsers out, at once."""
    await signing_in.end_one(desk, desk.staff.id, session_id)


@get("/staff/{staff_id:uuid}/sessions", tags=["staff"])
async def list_sessions_of(desk: NamedDependency[Desk], staff_id: FromPath[UUID]) -> DeviceListOut:
    """Where somebody of one's subtree is signed in."""
    desk.require("staff.edit")
    row = await queries.staff_row(desk.session, staff_id, [unit.id for unit in await desk.units()])
    return await _devices(desk, row.id)


@delete("/staff/{staff_id:uuid}/sessions", tags=["staff"], status_code=204)
async def end_all_sessions_of(desk: NamedDependency[Desk], staff_id: FromPath[UUID]) -> None:
    """Sign somebody of one's subtree out everywhere, at once. Refusal: staff.beyond_you."""
    desk.require("staff.edit")
    await actions.end_session_of(desk, staff_id, None)


@delete("/staff/{staff_id:uuid}/sessions/{session_id:uuid}", tags=["staff"], status_code=204)
async def end_session_of(
    desk: NamedDependency[Desk], staff_id: FromPath[UUID], session_id: FromPath[UUID]
) -> None:
    """Sign one browser of somebody of one's subtree out, at once. Refusal: staff.beyond_you."""
    desk.require("staff.edit")
    await actions.end_session_of(desk, staff_id, session_id)
