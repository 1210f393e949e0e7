"""Write keys: which tracking messages are this brand's. They are public, and live in the directory alone.

A key is ``<name>.<random>``, so that a list of keys says what each is for without a table of its own.
The shop's own key came with the brand; it is needed by the phone app and stays.
"""

import re
import secrets

import msgspec
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from siyu.kernel import news
from siyu.kernel.db import brand_of, driver_of
from siyu.kernel.directory import DirectoryRow, enter, leave
from siyu.kernel.errors import NotFound, Refusal
from siyu.people.brands.queries import facts_in

MOST = 20
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,29})")


class BadKeyName(Refusal):
    """A key's name becomes the beginning of the key."""

    code = "brands.bad_key_name"
    status = 422
    detail = "A key's name has 1 to 30 lower-case letters, digits and hyphens, and begins with a letter or digit."


class KeyNameTaken(Refusal):
    """Two keys of one name could not be told apart; ``facts``: name."""

    code = "brands.key_name_taken"
    status = 409
    detail = "A key of this name exists. Choose another name, or revoke the old key first."


class TooManyKeys(Refusal):
    """``facts``: most."""

    code = "brands.too_many_keys"
    status = 409
    detail = "The brand has as many write keys as it may have. Revoke one first."


class ShopKeyStays(Refusal):
    """The phone app sends with this key."""

    code = "brands.shop_key_stays"
    status = 409
    detail = "The shop itself sends with this key, so it cannot be revoked."


class WriteKey(msgspec.Struct, frozen=True):
    """A key; ``of_shop`` is the one that the phone app uses."""

    name: str
    key: str
    of_shop: bool


async def write_keys(session: AsyncSession) -> list[WriteKey]:
    """The brand's keys: the shop's first, then by name."""
    shop = (await facts_in(session)).write_key
    keys = await session.scalars(
        select(DirectoryRow.key).where(
            DirectoryRow.kind == "write_key", DirectoryRow.brand_id == brand_of(session)
        )
    )
    found = [
        WriteKey("shop" if key == shop else key.split(".", 1)[0], key, key == shop) for key in keys
    ]
    return sorted(found, key=lambda one: (not one.of_shop, one.name))


async def make_write_key(session: AsyncSession, name: str) -> WriteKey:
    """A new key that works at once. Raises ``BadKeyName``, ``KeyNameTaken``, ``TooManyKeys``."""
    if not _NAME.fullmatch(name):
        raise BadKeyName
    await session.execute(
        select(func.pg_advisory_xact_lock(func.hashtextextended(f"keys/{brand_of(session)}", 0)))
    )
    known = await write_keys(session)
    if any(one.name == name for one in known):
        raise KeyNameTaken(name=name)
    if len(known) >= MOST:
        raise TooManyKeys(most=MOST)
    key = f"{name}.{secrets.token_urlsafe(24)}"
    await enter(session, "write_key", key)
    await _tell(session)
    return WriteKey(name, key, of_shop=False)


async def revoke_write_key(session: AsyncSession, name: str) -> None:
    """Take a key away; the doors of all processes hear of it with the commit. Raises ``ShopKeyStays``, ``NotFound``."""
    found = next((one for one in await write_keys(session) if one.name == name), None)
    if found is None:
        raise NotFound(name=name[:30])
    if found.of_shop:
        raise ShopKeyStays
    await leave(session, "write_key", found.key)
    await _tell(session)


async def _tell(session: AsyncSession) -> None:
    """Doors remember keys, unknown ones too."""
    await news.send(await driver_of(session), brand_of(session), "write_keys", None)
