"""What followers ask of a long log goes by its key, also while nobody has counted its rows anew."""

import pytest

from siyu.kernel.events import following, lag, windows
from siyu.kernel.ids import new_id

pytestmark = pytest.mark.kernel_db
_MANY = """
with x as materialized (select pg_current_xact_id() as xid)
insert into events (brand_id, xid, id, kind, subject, occurred_at, origin, actor, data)
select $1, x.xid, gen_random_uuid(), 'test.long/1', $1, now(), 'live', '{}', '{}' from x, generate_series(1, 20000)
"""


async def test_no_question_of_a_follower_reads_the_log_whole(own_log):
    await own_log.owner.execute(_MANY, own_log.brand_id)
    await own_log.owner.execute("analyze events")
    await own_log.owner.execute(_MANY, own_log.brand_id)
    asked = (
        (windows._LOOK, ["a.listener"]),
        (windows._HELD_BACK, []),
        (lag._HELD, []),
    )
    async with own_log.database.raw(own_log.brand_id) as connection:
        for sql, values in asked:
            plan = await connection.fetch("explain " + sql, *values)
            assert "Seq Scan on events" not in "\n".join(row[0] for row in plan), sql
        plan = await connection.fetch(
            "explain " + windows.PAGE, "1", "9", 0, ["test.long/1"], True, 500
        )
        assert "Seq Scan on events" not in "\n".join(row[0] for row in plan)
    async with own_log.database.dispatcher() as connection:
        plan = await connection.fetch("explain " + following._BEHIND, [new_id().hex], 1)
        assert "Seq Scan on events" not in "\n".join(row[0] for row in plan)
