"""Outside writes happen once: a key, a hash of the input, and a reference to the answer – never the answer itself."""

import hashlib
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Index
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from siyu.kernel import clock
from siyu.kernel.db import Base, OfBrand, driver_of
from siyu.kernel.errors import Refusal


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
