"""A ledger with kinds of its own: points in lots, and a budget of coupons. Only its public door is used."""

import secrets
from datetime import timedelta
from typing import Any

import pytest

import siyu.app.wiring  # noqa: F401 - a brand is founded with all its modules
from siyu.kernel import clock, ledger
from siyu.kernel.checks import run_checks
from siyu.kernel.errors import Refusal
from siyu.kernel.ids import new_id

TITLE = {"zh-CN": "试", "en": "Trial"}
ISSUED = ledger.declare_account(ledger.AccountKind("trial.issued", TITLE, "debit"))
POINTS = ledger.declare_account(ledger.AccountKind("trial.points", TITLE, "credit", guarded=True))
TENDER = ledger.declare_account(ledger.AccountKind("trial.tender", TITLE, "credit"))
BREAKAGE = ledger.declare_account(ledger.AccountKind("trial.breakage", TITLE, "credit"))


def _kind(name: str, source: Any, destination: Any, **more: Any) -> ledger.PostingKind:
    return ledger.declare_posting(
        ledger.PostingKind(name, TITLE, f"{name}/1", TITLE, source, destination, **more)
    )


EARNED = _kind("trial.earned", ISSUED, POINTS)
GRANTED = _kind("trial.granted", ISSUED, POINTS, reversal_may_overdraw=False)
REDEEMED = _kind("trial.redeemed", POINTS, TENDER, limited=True)
CORRECTED = _kind("trial.corrected", POINTS, TENDER)
MOVED = _kind("trial.moved", TENDER, BREAKAGE)
EXPIRED = _kind("trial.expired", POINTS, BREAKAGE, limited=True)


class Purse:
    """The points of one customer."""

    def __init__(self, database: Any, brand: Any) -> None:
        self.database, self.brand, self.owner = database, brand, secrets.token_hex(8)
        self.wallet = ledger.Wallet(POINTS, "points", self.owner)
        self.lots: list[ledger.Account] = []

    def lot(self, days: int | None = None) -> ledger.Account:
        expires = None if days is None else clock.now() + timedelta(days=days)
        lot = ledger.Account(POINTS, "points", self.owner, new_id(), expires)
        self.lots.append(lot)
        return lot

    def earning(
        self, amount: int, *, key: str = "", lot: Any = None, kind: Any = EARNED, **more: Any
    ) -> ledger.Posting:
        return ledger.Posting(
            kind=kind, source=ledger.Account(ISSUED, "points"), destination=lot or self.lot(), amount=amount,
            key=key or secrets.token_hex(8), event_id=new_id(), **more,
        )  # fmt: skip

    def redeeming(
        self, amount: int, *, key: str = "", source: Any = None, kind: Any = REDEEMED, **more: Any
    ) -> ledger.Posting:
        return ledger.Posting(
            kind=kind, source=source or self.wallet, destination=ledger.Account(TENDER, "points"), amount=amount,
            key=key or secrets.token_hex(8), event_id=new_id(), **more,
        )  # fmt: skip

    async def post(self, *wanted: ledger.Posting) -> list[Any]:
        async with self.database.raw(self.brand.id) as connection:
            return await ledger.post_on(connection, wanted)

    async def settle(self, key: str, *, done: bool) -> Any:
        async with self.database.raw(self.brand.id) as connection:
            (answer,) = await ledger.settle_on(connection, [ledger.Settling(key, done)])
            return answer

    async def reverse(self, of: str, amount: int | None = None, *, key: str = "") -> Any:
        wanted = ledger.Reversal(
            of=of, key=key or secrets.token_hex(8), event_id=new_id(), amount=amount
        )
        async with self.database.raw(self.brand.id) as connection:
            (answer,) = await ledger.reverse_on(connection, [wanted])
            return answer

    async def held(self) -> ledger.Held:
        async with self.database.raw(self.brand.id) as connection:
            return await ledger.wallet_on(connection, self.wallet)

    async def roll_up(self) -> int:
        async with self.database.raw(self.brand.id) as connection:
            return await ledger.roll_up_on(connection)

    async def flows(self, *period: Any) -> list[ledger.Flow]:
        async with self.database.raw(self.brand.id) as connection:
            return await ledger.flows(connection, *period)

    async def broken(self) -> list[Any]:
        names = {name for name in _names() if name.startswith("ledger.")}
        assert len(names) >= 5
        return await run_checks(self.database, self.brand.id, names)


def _names() -> set[str]:
    from siyu.kernel.checks import invariants

    return set(invariants)


def refused(answer: Any) -> str:
    assert isinstance(answer, Refusal), answer
    return answer.code


@pytest.fixture
def purse(database: Any, brand: Any) -> Purse:
    return Purse(database, brand)
