"""Whether the demo brand is there already, found out without loading the house; and how to sign in."""

from pathlib import Path
from uuid import UUID

import asyncpg
import msgspec

from siyu.kernel.settings import Urls, kept_secret

SLUG = "lanyu"
OWNER = f"owner@{SLUG}"
JOB = "demo.year"
"""The job that makes the year; asked for once everything that a person needs to sign in is there."""
_WHOLE = """
select d.brand_id from directory d where d.kind = 'slug' and d.key = $1
and exists (select from jobs j where j.brand_id = d.brand_id and j.kind = $2)
"""


class Made(msgspec.Struct):
    """The demo brand and how to sign in."""

    brand_id: UUID
    slug: str
    login: str
    password: str
    fresh: bool
    job_id: UUID | None = None


def password_in(home: Path) -> str:
    """The password that all of the demo's logins have in this home."""
    return kept_secret(Path(home), "demo-password")[:10]


async def already_made(urls: Urls, home: Path) -> Made | None:
    """The demo brand if an earlier start made it; None when there is still something to be made."""
    connection = await asyncpg.connect(urls.dispatcher)
    try:
        brand_id = await connection.fetchval(_WHOLE, SLUG, JOB)
    finally:
        await connection.close()
    return brand_id and Made(brand_id, SLUG, OWNER, password_in(home), fresh=False)
