"""The directory: which brand a slug, a shop's host, a sign-in name or a write key belongs to.

The only table that is read before the brand is known; it holds no personal data (sign-in names of staff
are stored as they are typed, so they are chosen by the brand, not phone numbers).
"""

from uuid import UUID

import asyncpg
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from siyu.kernel.db import CURRENT_BRAND, Base, OfBrand, driver_of
from siyu.kernel.errors import Refusal


class DirectoryRow(OfBrand, Base):
    """``kind`` (``brand`` · ``slug`` · ``sign_in`` · ``write_key`` · ``token_key``) and ``key`` → brand, unique over all brands."""

    __tablename__ = "directory"
    __table_args__ = ({"info": {"dispatch": ["brand_id", "kind", "key"]}},)
    # Led by kind and key, not by the brand: it is looked up to learn the brand.
    brand_id: Mapped[UUID] = mapped_column(
        server_default=text(CURRENT_BRAND), index=True, sort_order=100
    )
    kind: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)


class NameTaken(Refusal):
    """Another brand, or this one, already uses the name; ``facts``: kind, key."""

    code = "directory.name_taken"
    detail = "This name is already in use. Choose another one."


async def enter(session: AsyncSession, kind: str, key: str) -> None:
    """Reserve a name for the session's brand. Raises ``NameTaken``; entering one's own name again is fine."""
    driver = await driver_of(session)
    try:
        await driver.execute(
            "insert into directory (kind, key) values ($1, $2) on conflict (kind, key) do update set key = excluded.key",
            kind,
            key,
        )
    except (
        asyncpg.InsufficientPrivilegeError
    ):  # the row that is in the way belongs to another brand
        raise NameTaken(kind=kind, key=key) from None


async def leave(session: AsyncSession, kind: str, key: str) -> None:
    """Give a name of the session's brand free again."""
    await (await driver_of(session)).execute(
        "delete from directory where kind = $1 and key = $2", kind, key
    )


async def brand_named(dispatcher: asyncpg.Connection, kind: str, key: str) -> UUID | None:
    """The brand behind a name, read as the dispatcher."""
    return await dispatcher.fetchval(
        "select brand_id from directory where kind = $1 and key = $2", kind, key
    )
