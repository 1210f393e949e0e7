"""The console's doors to the vault: which months' keys are in use, and wrapping anew."""

from uuid import UUID

import msgspec
from litestar import get, post
from litestar.di import NamedDependency

from siyu.kernel import jobs, vault
from siyu.kernel.db import driver_of
from siyu.people.staff import Desk, permission

permission("vault.manage", {"zh-CN": "管理个人信息密钥", "en": "Manage the keys of personal data"})
_TITLE = {"zh-CN": "用本月密钥重新封装", "en": "Renew the wrapping with this month's key"}
_FORGOTTEN = "select count(*) as people, count(*) filter (where not is_journaled) as unsettled from vault_shreds"


class HeldOut(msgspec.Struct):
    month: str
    people: int
    is_present: bool


class VaultOut(msgspec.Struct):
    months: list[HeldOut]
    people: int
    older: int
    """Whose keys an older month's key wraps."""
    forgotten: int
    unsettled: int
    """Of them those that the journal outside does not know yet."""


class RenewalOut(msgspec.Struct):
    job_id: UUID


@get("/vault", tags=["customers"])
async def show_vault(desk: NamedDependency[Desk]) -> VaultOut:
    """Which months' keys this brand's people depend on, and how many people were forgotten."""
    desk.require("vault.manage")
    present = vault.keyring().current()[0]
    held = await vault.held_keys(desk.runtime.database, desk.brand.id)
    row = await (await driver_of(desk.session)).fetchrow(_FORGOTTEN)
    months = [HeldOut(one.month, one.people, one.month == present) for one in held]
    people = sum(one.people for one in held)
    older = sum(one.people for one in months if not one.is_present)
    return VaultOut(months, people, older, row["people"], row["unsettled"])


@post("/vault/renew", tags=["customers"])
async def renew_wrapping(desk: NamedDependency[Desk]) -> RenewalOut:
    """Start a job that wraps all people's keys with this month's, so that older ones can be destroyed."""
    desk.require("vault.manage")
    job_id = await jobs.start(desk.session, "vault.rewrap", {}, _TITLE)
    await desk.audit("vault.renewed", subject_kind="vault")
    return RenewalOut(job_id)
