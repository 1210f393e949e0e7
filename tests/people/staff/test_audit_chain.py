import asyncio
import json

import asyncpg
import pytest

from siyu.kernel import clock
from siyu.kernel.checks import run_checks
from siyu.people.staff import first_broken_of_audit, seal_all, state_of_audit
from siyu.people.staff.chain import sealing


@pytest.fixture
async def trail(console, database, brand, runtime):
    """An audit of a dozen rows, sealed in links of four."""

    class Trail:
        head = ""

        async def note(self, count=4):
            for at in range(count):
                body = {"service_phone": f"0571 {at} {count}"}
                assert (await console.patch("/api/console/brand", json=body)).status_code == 200
                body = {"service_phone": ""}
                await console.patch("/api/console/brand", json=body)

        async def seal(self):
            return await sealing.seal_brand(database, runtime.secret, brand.id)

        async def broken(self, head="", secret=None):
            async with database.brand(brand.id) as session:
                return await first_broken_of_audit(session, secret or runtime.secret, head)

        async def state(self):
            async with database.brand(brand.id) as session:
                return await state_of_audit(session)

        async def rows(self):
            async with database.raw(brand.id) as connection:
                return [
                    row[0] for row in await connection.fetch("select id from audit order by id")
                ]

    made = Trail()
    for _ in range(3):
        await made.note(2)
        assert await made.seal() >= 4
    made.head = (await made.state()).head
    return made


@pytest.fixture
async def forger(owner_url):
    """Somebody who got hold of the database as its owner."""
    connection = await asyncpg.connect(owner_url)
    yield connection
    await connection.close()


async def test_what_was_sealed_proves_whole_and_each_link_names_the_one_before(
    trail, database, brand
):
    state = await trail.state()
    assert (state.links, state.waiting) == (3, 0) and state.rows == len(await trail.rows())
    assert await trail.broken() is None and await trail.broken(state.head) is None
    async with database.raw(brand.id) as connection:
        links = await connection.fetch("select previous, hash from audit_seals order by number")
    assert [link["previous"] for link in links] == ["", links[0]["hash"], links[1]["hash"]]
    assert await run_checks(database, brand.id, {"staff.audit_chain"}) == []


@pytest.mark.parametrize(
    "change",
    [
        "facts = facts || '{\"fields\": []}'", "actor_name = 'somebody else'", "at = at + interval '1 microsecond'", "actor_id = null",
        "action = action || '.'", "subject_label = ''", "request_id = 'other'", "actor_path = 'hq/x/'", "subject_kind = 'x'",
    ],
)  # fmt: skip
async def test_the_first_changed_row_is_named_whatever_was_changed(
    trail, forger, database, brand, change
):
    rows = await trail.rows()
    await forger.execute(f"update audit set {change} where id = any($1)", [rows[5], rows[9]])
    broken = await trail.broken()
    assert (broken.what, broken.audit_id) == ("row changed", rows[5])
    found = await run_checks(database, brand.id, {"staff.audit_chain"})
    assert {row["audit_id"] for row in found[0].rows} == {str(rows[5]), str(rows[9])}


async def test_the_first_removed_row_is_named(trail, forger):
    rows = await trail.rows()
    await forger.execute("delete from audit where id = any($1)", [rows[6], rows[10]])
    broken = await trail.broken()
    assert (broken.what, broken.audit_id) == ("row removed", rows[6])


async def test_a_row_slipped_in_later_is_named(trail, forger, brand):
    slipped = await forger.fetchval(
        """insert into audit select brand_id, gen_random_uuid(), at, actor_kind, actor_id, 'nobody', actor_path, action,
                                    subject_kind, subject_id, subject_label, facts, request_id
           from audit where brand_id = $1 order by id limit 1 returning id""",
        brand.id,
    )
    broken = await trail.broken()
    assert (broken.what, broken.audit_id) == ("row added", slipped)


async def test_who_forges_row_and_link_together_lacks_the_houses_secret(trail, forger, brand):
    rows = await trail.rows()
    await forger.execute("update audit set actor_name = 'x' where id = $1", rows[-1])
    await forger.execute(
        f"""update audit_seals q set leaves = (
                select jsonb_agg(jsonb_build_array(a.id, {sealing.LEAF}) order by a.id)
                from audit a, jsonb_array_elements(q.leaves) l
                where a.id = (l ->> 0)::uuid and a.brand_id = q.brand_id)
            where brand_id = $1 and number = 3""",
        brand.id,
    )
    assert (await trail.broken()).what == "link changed"
    await forger.execute(f"update audit_seals s set hash = {sealing.LINK} where brand_id = $1 and number = 3", brand.id)  # fmt: skip
    broken = await trail.broken()
    assert (broken.what, broken.link) == ("link signed otherwise", 3)
    assert (await trail.broken(secret=b"stolen database, other secret")).link == 1


async def test_a_missing_link_is_named_and_a_cut_off_end_by_who_wrote_the_head_down(
    trail, forger, brand
):
    async def cut(number):
        ids = await forger.fetchval("select leaves from audit_seals where brand_id = $1 and number = $2", brand.id, number)  # fmt: skip
        await forger.execute("delete from audit_seals where brand_id = $1 and number = $2", brand.id, number)  # fmt: skip
        await forger.execute("delete from audit where id = any($1::uuid[])", [one[0] for one in json.loads(ids)])  # fmt: skip

    await cut(3)
    assert await trail.broken() is None  # the chain alone cannot know that it went on
    assert (await trail.broken(trail.head)).what == "link not there"
    await cut(1)
    assert ((await trail.broken()).what, (await trail.broken()).link) == ("link missing before", 2)


async def test_many_sealers_at_once_make_one_chain(trail):
    await trail.note(12)
    counts = await asyncio.gather(*(trail.seal() for _ in range(6)), trail.note(3))
    assert sum(count or 0 for count in counts[:6]) >= 24
    await trail.seal()
    assert await trail.broken() is None and (await trail.state()).waiting == 0


async def test_a_sealer_that_dies_halfway_leaves_everything_waiting(
    trail, database, brand, runtime
):
    await trail.note(2)
    before = await trail.state()
    with pytest.raises(ZeroDivisionError):
        async with database.raw(brand.id) as connection:
            assert await connection.fetchrow(sealing._TAKE, 10, clock.now())
            raise ZeroDivisionError
    assert await trail.state() == before and before.waiting == 4
    assert await trail.seal() == 4 and await trail.broken() is None


async def test_a_refused_action_leaves_nothing_to_seal(trail, console):
    await console.patch("/api/console/brand", json={"default_locale": "xx"})
    assert (await trail.state()).waiting == 0


async def test_the_worker_seals_all_brands_and_the_console_says_until_when(
    console, database, brand, runtime
):
    await console.patch("/api/console/brand", json={"service_phone": "1"})
    await seal_all(database, runtime.secret)
    seal = (await console.get("/api/console/audit/seal")).json()
    latest = (await console.get("/api/console/audit?limit=1")).json()["items"][0]
    assert (seal["waiting"], seal["sealed_until"]) == (0, latest["at"]) and len(seal["head"]) == 64


async def test_the_running_program_can_neither_change_nor_remove_a_link(trail, database, brand):
    for statement in ("update audit_seals set hash = 'x'", "delete from audit_seals"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with database.raw(brand.id) as connection:
                await connection.execute(statement)
