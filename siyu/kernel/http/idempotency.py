"""Outside writes happen once: a key, a hash of the input, and a reference to the answer – never the answer itself."""

import asyncio
import hashlib
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import structlog
from sqlalchemy import Index
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from siyu.kernel import clock
from siyu.kernel.db import Base, Database, OfBrand, driver_of
from siyu.kernel.errors import Refusal

KEPT = timedelta(days=30)
"""How long a key is known; whoever repeats a write does it long before."""
log = structlog.get_logger("siyu.http")


class IdempotencyRow(OfBrand, Base):
    """One write that was done. ``scope`` is the kind of write and who asked; ``reference`` leads to what came of it."""

    __tablename__ = "idempotency_keys"
    scope: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    input_hash: Mapped[str]
    reference: Mapped[dict[str, Any]] = mapped_column(JSONB)
    created_at: Mapped[datetime]

    __table_args__ = (Index(None, "brand_id", "created_at"), {"info": {}})


class KeyReused(Refusal):
    """The key came before with another input."""

    code = "http.key_reused"
    detail = "This Idempotency-Key was used for another request. Use a fresh key for a new request."


class BadKey(Refusal):
    """The key is missing or not 1–64 printable characters."""

    code = "http.bad_key"
    status = 400
    detail = "Send an Idempotency-Key header of 1 to 64 printable characters."


class Once:
    """A write under a key: ``reference`` of the earlier one, or ``None`` and then ``done(reference)``."""

    def __init__(
        self,
        session: AsyncSession,
        scope: str,
        key: str,
        input_hash: str,
        reference: dict[str, Any] | None,
    ) -> None:
        self._session, self._scope, self._key, self._hash = session, scope, key, input_hash
        self.reference = reference

    async def done(self, reference: dict[str, Any]) -> None:
        """Keep what came of the write, in its own transaction."""
        self._session.add(
            IdempotencyRow(
                scope=self._scope,
                key=self._key,
                input_hash=self._hash,
                reference=msgspec.to_builtins(reference),
                created_at=clock.now(),
            )
        )
        await self._session.flush()


def input_hash(value: Any) -> str:
    """A hash of an input (struct or plain values), stable across processes."""
    return hashlib.sha256(msgspec.json.encode(value, order="deterministic")).hexdigest()


async def once(session: AsyncSession, scope: str, key: str | None, value: Any) -> Once:
    """Begin a keyed write; two equal requests at once wait for each other.

    A refusal raised afterwards rolls back and leaves the key free. Raises ``BadKey``, ``KeyReused``.
    """
    if not key or len(key) > 64 or not key.isprintable():
        raise BadKey
    driver = await driver_of(session)
    brand = session.info["brand_id"]
    await driver.execute(
        "select pg_advisory_xact_lock(hashtextextended($1, 0))", f"{brand}/{scope}/{key}"
    )
    earlier = await session.get(IdempotencyRow, (brand, scope, key))
    fingerprint = input_hash(value)
    if earlier is not None and earlier.input_hash != fingerprint:
        raise KeyReused
    return Once(session, scope, key, fingerprint, earlier.reference if earlier else None)


_OLD = """
delete from idempotency_keys where (scope, key) in (
    select scope, key from idempotency_keys where created_at < $1 order by created_at limit $2 for update skip locked)
"""


async def forget_old(database: Database, brand_id: UUID, *, piece: int = 1000) -> int:
    """Forget a brand's keys that are older than ``KEPT``, a piece at a time, each in its own transaction; how many."""
    forgotten, last = 0, piece
    while last == piece:
        async with database.raw(brand_id) as connection:
            done = await connection.execute(_OLD, clock.now() - KEPT, piece)
        last = int(done.rpartition(" ")[2])
        forgotten += last
    return forgotten


async def keep_short(database: Database, *, every_s: float = 3600.0) -> None:
    """Forget old keys of all brands, one brand after the other, until cancelled. Several workers do not disturb each other."""
    while True:
        try:
            async with database.dispatcher() as connection:
                rows = await connection.fetch(
                    "select distinct brand_id from directory where kind = 'brand'"
                )
            for row in rows:
                await forget_old(database, row["brand_id"])
        except Exception as failure:
            log.warning("old keys wait", error=f"{type(failure).__name__}: {failure}"[:300])
        await asyncio.sleep(every_s)
