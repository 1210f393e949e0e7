"""The console's doors to the second step at sign-in: one's own, and taking away somebody's whose phone is lost."""

from typing import Annotated
from uuid import UUID

import msgspec
from litestar import delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from msgspec import Meta

from siyu.people.staff import actions, signing_in
from siyu.people.staff.desk import BEFORE_SECOND_STEP, Desk
from siyu.people.staff.second_step import keeping


class SecondStepOut(msgspec.Struct):
    """One's own second step; ``required`` by the brand."""

    on: bool
    required: bool
    recovery_codes_left: int


class SecondStepBeginIn(msgspec.Struct, forbid_unknown_fields=True):
    password: Annotated[str, Meta(max_length=1000)]


class SecondStepBegunOut(msgspec.Struct):
    """Shown this once: the secret as text to type, and the ``otpauth:`` address for a QR code."""

    secret: str
    address: str


class SecondStepCodeIn(msgspec.Struct, forbid_unknown_fields=True):
    code: Annotated[str, Meta(min_length=1, max_length=60)]


class RecoveryCodesOut(msgspec.Struct):
    """Shown this once; each is good for one sign-in."""

    codes: list[str]


@get("/session/second-step", tags=["session"], opt=BEFORE_SECOND_STEP)
async def show_second_step(desk: NamedDependency[Desk]) -> SecondStepOut:
    """Whether one has a second step, and how many recovery codes are left."""
    state = await keeping.state_of(desk.session, desk.staff.id)
    return SecondStepOut(state.on, desk.brand.second_step_required, state.recovery_codes_left)


@post("/session/second-step", tags=["session"], status_code=200, opt=BEFORE_SECOND_STEP)
async def begin_second_step(
    desk: NamedDependency[Desk], data: JSONBody[SecondStepBeginIn]
) -> SecondStepBegunOut:
    """Begin setting one up, with one's password; it holds from its first code. Refusals: staff.wrong_password, staff.second_step_on."""
    await signing_in.prove_password(desk, data.password)
    begun = await keeping.begin(desk)
    return SecondStepBegunOut(begun.secret, begun.address)


@post("/session/second-step/confirm", tags=["session"], status_code=200, opt=BEFORE_SECOND_STEP)
async def confirm_second_step(
    desk: NamedDependency[Desk], data: JSONBody[SecondStepCodeIn]
) -> RecoveryCodesOut:
    """Turn it on with its first code; one's other sessions end. Refusals: staff.wrong_code, staff.second_step_off, staff.second_step_on."""
    return RecoveryCodesOut(await keeping.confirm(desk, data.code))


@post("/session/second-step/recovery-codes", tags=["session"], status_code=200)
async def renew_recovery_codes(
    desk: NamedDependency[Desk], data: JSONBody[SecondStepCodeIn]
) -> RecoveryCodesOut:
    """Fresh recovery codes in place of all old ones. Refusals: staff.wrong_code, staff.second_step_off."""
    return RecoveryCodesOut(await keeping.new_recovery_codes(desk, data.code))


@post("/session/second-step/off", tags=["session"], status_code=204)
async def turn_second_step_off(
    desk: NamedDependency[Desk], data: JSONBody[SecondStepCodeIn]
) -> None:
    """Give it up. Refusals: staff.wrong_code, staff.second_step_required, staff.second_step_off."""
    await keeping.turn_off(desk, data.code)


@delete("/staff/{staff_id:uuid}/second-step", tags=["staff"], status_code=204)
async def reset_second_step(desk: NamedDependency[Desk], staff_id: FromPath[UUID]) -> None:
    """Take the second step of somebody away whose phone is lost; their sessions end. Refusals: staff.beyond_you, staff.own_second_step, staff.second_step_off."""
    desk.require("staff.edit")
    await actions.take_second_step(desk, staff_id)
