"""What was handed in for an import is not kept for ever: the file, its first rows, the refused rows, the report."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from siyu.goods.catalogue.actions.importing import EXPIRES
from siyu.kernel import clock, timers
from siyu.kernel.db import Database
from siyu.kernel.files import Files

LATER = timedelta(days=1)
UNCLAIMED = timedelta(hours=1)
"""How long a file lies whose import was rolled back; no upload takes as long."""
_DUE = """
select i.id, i.file_key, j.report_key, coalesce(j.state in ('waiting', 'running'), false) as at_work
from catalogue_imports i left join jobs j on j.brand_id = i.brand_id and j.id = i.job_id
where i.id = any($1::uuid[]) and i.expired_at is null
"""


def file_key(brand_id: UUID, import_id: UUID) -> str:
    """Where the file of an import lies."""
    return f"{brand_id}/imports/{import_id}"


async def expire_imports(
    database: Database, files: Files, brand_id: UUID, import_ids: Sequence[UUID]
) -> tuple[int, int]:
    """Delete what is kept of imports, except their counts: how many expired, how many files went.

    The file of an import that was rolled back goes too. One that a job still waits for or works on gets another day. Again does no harm: files go first, then the
    rows say so.
    """
    async with database.raw(brand_id) as connection:
        rows = await connection.fetch(_DUE, list(import_ids))
        known = await connection.fetch(
            "select id from catalogue_imports where id = any($1::uuid[])", list(import_ids)
        )
        later = [row["id"] for row in rows if row["at_work"]]
        if later:
            until = clock.now() + LATER
            await timers.put_on(connection, EXPIRES, later, [until] * len(later))
            await connection.execute(
                "update catalogue_imports set expires_at = $2 where id = any($1::uuid[])",
                later,
                until,
            )
    gone = [row for row in rows if not row["at_work"]]
    keys = [key for row in gone for key in (row["file_key"], row["report_key"]) if key]
    unclaimed = set(import_ids) - {row["id"] for row in known}
    keys += [key for one in unclaimed if await files.exists(key := file_key(brand_id, one))]
    for key in keys:
        await files.delete(key)
    ids = [row["id"] for row in gone]
    async with database.raw(brand_id) as connection:
        await connection.execute(
            """update jobs set report_key = null, result = result - 'rejected'
               where id = any(select job_id from catalogue_imports where id = any($1::uuid[]))""",
            ids,
        )
        await connection.execute(
            "delete from import_rejections where import_id = any($1::uuid[])", ids
        )
        await connection.execute(
            """update catalogue_imports set file_key = null, sample = '[]', expires_at = least(expires_at, $2),
                      expired_at = $2 where id = any($1::uuid[])""",
            ids,
            clock.now(),
        )
    return len(ids), len(keys)
