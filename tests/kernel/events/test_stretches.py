"""The log in stretches: writers never notice the change, old ones become files, and rebuilds read both."""

import asyncio
import itertools
import random
from collections import Counter, defaultdict
from datetime import timedelta
from uuid import UUID

import asyncpg
import pytest
from alembic import command

from siyu.app import schema
from siyu.kernel.db import APP, DISPATCHER, Database, driver_of
from siyu.kernel.events import (
    Event,
    all_stretches,
    drain,
    extend,
    follow_once,
    let_go,
    listeners,
    on,
    parked_page,
    put_away,
    retry_parked,
    start_over,
    state,
)
from siyu.kernel.events.archiving import ArchiveBroken
from siyu.kernel.events.windows import PAGE
from siyu.kernel.ids import new_id
from siyu.kernel.roles import bootstrap_roles
from siyu.kernel.settings import role_password, role_url
from tests.conftest import on_database
from tests.kernel.events.conftest import new_brand

pytestmark = pytest.mark.kernel_db


class Rolled(Event, frozen=True, kw_only=True, tag="test.rolled/1"):
    subject_id: UUID
    number: int
    poison: bool = False


class Other(Event, frozen=True, kw_only=True, tag="test.rolled_beside/1"):
    subject_id: UUID


heard: dict[UUID, list[int]] = defaultdict(list)
told: dict[UUID, list[tuple]] = defaultdict(list)
healed: set[int] = set()


@on(Rolled)
async def live_roll(session, events: list[Rolled]) -> None:
    for event in events:
        if event.poison and event.number not in healed:
            raise ValueError(f"number {event.number} cannot be digested")
    await (await driver_of(session)).execute("select 1")
    for event in events:
        heard[event.subject_id].append(event.number)


@on(Rolled, history=True, whole=True, page=7)
async def whole_roll(session, events) -> None:
    for one in events:
        told[one.event.subject_id].append(
            (one.event.number, one.seq, one.id, one.occurred_at, one.recorded_at, one.origin, one.actor["kind"])
        )  # fmt: skip


LIVE = listeners[f"{__name__}.live_roll"]
WHOLE = listeners[f"{__name__}.whole_roll"]
NAMES = {LIVE.name, WHOLE.name}


async def put(log, *events, brand_id=None, origin="live", late=0.0) -> None:
    async with log.database.brand(brand_id or log.brand_id) as session:
        if late:
            await (await driver_of(session)).execute("select pg_current_xact_id()")
            await asyncio.sleep(late)
        await state(session, list(events), origin=origin)


async def until_put_away(log, **options):
    """Put away until nothing is held up by a neighbour's transaction."""
    for _ in range(100):
        outcome = await put_away(log.database, log.files, older_than=timedelta(0))
        if outcome and "open" not in outcome.values():
            return outcome
        await asyncio.sleep(0.05)
    return {}


async def several_stretches(log, subjects, numbers, *, span=40) -> None:
    """Events over four stretches, all heard; the first two are long over."""
    await log.shorten(span)
    numbers = iter(numbers)
    for _ in range(4):
        await put(
            log,
            *(Rolled(subject_id=s, number=next(numbers)) for s in subjects),
            Other(subject_id=new_id()),
        )
        await put(log, Rolled(subject_id=subjects[0], number=next(numbers)), origin="import")
        await log.pass_by(span)
        await log.owner.fetchval("select event_log.extend('1 second', $1)", span)
    await drain(log.database, log.brand_id, NAMES)


async def test_stretches_roll_over_in_the_middle_of_a_race_and_nothing_is_lost_or_doubled(own_log):
    await own_log.shorten(25)
    subjects, chance, numbers = [new_id() for _ in range(5)], random.Random(3), iter(range(10_000))
    done = asyncio.Event()

    async def writer() -> None:
        for _ in range(25):
            events = [
                Rolled(subject_id=chance.choice(subjects), number=next(numbers))
                for _ in range(chance.randint(1, 4))
            ]
            await put(own_log, *events, late=chance.random() / 40 if chance.random() < 0.5 else 0)

    async def follower(listener) -> None:
        while not done.is_set():
            await follow_once(own_log.database, own_log.brand_id, listener)
            await asyncio.sleep(chance.random() / 100)

    async def keeper() -> None:
        async with own_log.database.dispatcher() as connection:
            while not done.is_set():
                await connection.fetchval("select event_log.extend('0.01 seconds', 30)")
                await asyncio.sleep(0.02)

    others = [
        asyncio.create_task(one)
        for one in (follower(LIVE), follower(LIVE), follower(WHOLE), keeper())
    ]
    await asyncio.gather(*(writer() for _ in range(5)))
    done.set()
    await asyncio.gather(*others)
    await drain(own_log.database, own_log.brand_id, NAMES)
    stated = await own_log.owner.fetch(
        "select subject, (data->>'number')::int as number from events"
    )
    expected = Counter((row["subject"], row["number"]) for row in stated)
    assert Counter((s, n) for s in subjects for n in heard[s]) == expected
    assert Counter((s, one[0]) for s in subjects for one in told[s]) == expected
    assert len(await own_log.rows()) >= 4, "the race went over several stretches"


async def test_what_no_stretch_was_made_for_is_kept_and_heard_all_the_same(own_log):
    await own_log.shorten(5)
    await own_log.pass_by(20)
    subject = new_id()
    await put(own_log, Rolled(subject_id=subject, number=1))
    assert await own_log.rows() == {"events_stragglers": 1}
    async with own_log.database.dispatcher() as connection:
        assert await connection.fetchval("select event_log.extend('30 days', 1000)") >= 1
    await put(own_log, Rolled(subject_id=subject, number=2))
    assert len(await own_log.rows()) == 2
    await drain(own_log.database, own_log.brand_id, NAMES)
    assert heard[subject] == [1, 2]


async def test_who_states_while_a_late_stretch_is_attached_waits_for_it(own_log):
    await own_log.shorten(5)
    await own_log.pass_by(20)
    subject = new_id()
    await put(own_log, Rolled(subject_id=subject, number=1))
    attaching = own_log.owner.transaction()
    await attaching.start()
    await own_log.owner.fetchval("select event_log.extend('30 days', 1000)")
    stating = asyncio.create_task(put(own_log, Rolled(subject_id=subject, number=2)))
    await asyncio.sleep(0.3)
    assert not stating.done()
    await attaching.commit()
    await stating
    await drain(own_log.database, own_log.brand_id, NAMES)
    assert heard[subject] == [1, 2]


async def test_a_whole_stretch_is_always_ahead(own_log):
    before = await all_stretches(own_log.database)
    assert await extend(own_log.database) == 0
    now_xid = await own_log.owner.fetchval("select pg_current_xact_id()::text::bigint")
    assert before[0].lo == 0
    assert before[-1].lo > now_xid
    assert all(one.hi == following.lo for one, following in itertools.pairwise(before))


async def test_old_stretches_become_files_and_a_rebuild_hears_all_of_them_again(own_log):
    subjects = [new_id() for _ in range(3)]
    await several_stretches(own_log, subjects, range(100))
    before, stretches = {s: list(told[s]) for s in subjects}, len(await own_log.rows())
    assert await own_log.owner.fetchval("select count(*) from events") == 20
    outcome = await until_put_away(own_log)
    assert "" in outcome.values()
    assert len(await own_log.rows()) < stretches
    kept = await own_log.owner.fetchval("select count(*) from events")
    archived = await own_log.owner.fetch("select * from event_archives")
    assert kept + sum(row["events"] for row in archived) == 20
    assert all(row["key"].startswith(f"{own_log.brand_id}/events/") for row in archived)

    async with own_log.database.brand(own_log.brand_id) as session:
        await start_over(session, [WHOLE.name])
    told.clear()
    again = await drain(own_log.database, own_log.brand_id, {WHOLE.name}, files=own_log.files)
    assert again == 16
    assert {s: told[s] for s in subjects} == before, (
        "the same events with the same facts, in the same order"
    )
    assert sum(len(heard[s]) for s in subjects) == 12, "nobody else heard anything"


async def test_a_new_projection_begins_with_the_archive(own_log):
    subject = new_id()
    await several_stretches(own_log, [subject], range(200, 300))
    assert "" in (await until_put_away(own_log)).values()
    await own_log.owner.execute("delete from event_cursors where listener = $1", WHOLE.name)
    told.clear()
    await drain(own_log.database, own_log.brand_id, {WHOLE.name}, files=own_log.files)
    assert [one[0] for one in told[subject]] == list(range(200, 208))


async def test_an_altered_file_is_refused_and_never_half_heard(own_log):
    subject = new_id()
    await several_stretches(own_log, [subject], range(300, 400))
    assert "" in (await until_put_away(own_log)).values()
    key = await own_log.owner.fetchval("select key from event_archives order by hi limit 1")
    await own_log.files.put(key, b"PAR1 something else")
    async with own_log.database.brand(own_log.brand_id) as session:
        await start_over(session, [WHOLE.name])
    told.clear()
    with pytest.raises(ArchiveBroken):
        await drain(own_log.database, own_log.brand_id, {WHOLE.name}, files=own_log.files)
    assert told[subject] == []


async def test_nothing_is_dropped_that_somebody_may_still_need(own_log):
    subject, other = new_id(), await new_brand(own_log.database)
    await own_log.shorten(40)
    first = (await all_stretches(own_log.database))[0].name
    assert await let_go(own_log.database, first) == "open"
    sick = Rolled(subject_id=subject, number=900, poison=True)
    await put(own_log, sick)
    await put(own_log, Rolled(subject_id=new_id(), number=901), brand_id=other)
    for _ in range(3):
        await own_log.pass_by(40)
        await own_log.owner.fetchval("select event_log.extend('1 second', 40)")
    while (why := await let_go(own_log.database, first)) == "open":
        await asyncio.sleep(0.05)
    assert why == "unarchived"
    await drain(own_log.database, own_log.brand_id, NAMES)
    await follow_once(own_log.database, other, LIVE)  # has its cursor now, and nothing heard
    assert (await until_put_away(own_log))[first] == "unheard"
    await drain(own_log.database, other, NAMES, files=own_log.files)
    assert (await until_put_away(own_log))[first] == "parked"
    healed.add(900)
    async with own_log.database.brand(own_log.brand_id) as session:
        assert len(await parked_page(session)) == 1
        assert await retry_parked(session, LIVE.name, subject) == (1, 0)
    assert (await until_put_away(own_log))[first] == ""
    assert await let_go(own_log.database, first) == "unknown"


async def test_the_running_program_cannot_drop_or_read_a_stretch_by_itself(own_log):
    (name, *_) = [one.name for one in await all_stretches(own_log.database)]
    async with own_log.database.dispatcher() as connection:
        for forbidden in (
            f"drop table event_log.{name}",
            f"select seq from event_log.{name}",
            "select event_log.make(1, 2)",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(forbidden)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with own_log.database.raw(own_log.brand_id) as connection:
            await connection.execute("select event_log.extend()")
    functions = await own_log.owner.fetch(
        "select pronamespace::regnamespace || '.' || proname as name from pg_proc where prosecdef and pronamespace::regnamespace::text !~ '^pg_|^information'"
    )
    assert {row["name"] for row in functions} == {
        "event_log.extend",
        "event_log.let_go",
        "event_log.held_by",
    }
    fences = await own_log.owner.fetch(
        "select relname, relrowsecurity from pg_class where relnamespace = 'event_log'::regnamespace and relkind = 'r'"
    )
    assert len(fences) == 3
    assert all(row["relrowsecurity"] for row in fences)


async def test_a_page_reads_only_the_stretches_of_its_window_and_by_index(own_log):
    subjects = [new_id() for _ in range(20)]
    await several_stretches(own_log, subjects, range(1000, 2000))
    last = (await all_stretches(own_log.database))[-3]
    async with own_log.database.raw(own_log.brand_id) as connection:
        await connection.execute(
            "set local enable_seqscan = off"
        )  # the tables are too small for the planner to care
        for how in ("force_custom_plan", "force_generic_plan"):
            await connection.execute(f"set local plan_cache_mode = {how}")
            values = (str(last.lo), str(last.lo + 5), 3, list(LIVE.kinds), False, 1000)
            plan = "\n".join(
                row[0]
                for row in await connection.fetch(
                    "explain (analyze, costs off, timing off) " + PAGE, *values
                )
            )
            others = [
                one.name for one in await all_stretches(own_log.database) if one.name != last.name
            ]
            assert f"{last.name}_pkey" in plan, plan
            assert not any(f" on {name} " in plan for name in [*others, "events_stragglers"]), plan
            assert "Seq Scan" not in plan, plan
            assert "Index Cond: ((brand_id = " in plan, plan


async def test_a_table_with_rows_becomes_the_first_stretch_and_goes_on(server_url, tmp_path):
    name = f"old_{new_id().hex[-10:]}"
    server = await asyncpg.connect(server_url)
    await server.execute(f"create database {name}")
    url = on_database(server_url, name)
    try:
        await bootstrap_roles(url, {role: role_password(url, role) for role in (APP, DISPATCHER)})
        await asyncio.to_thread(command.upgrade, schema.alembic_config(url), "0002")
        owner = await asyncpg.connect(url)
        brand, subject = new_id(), new_id()
        await owner.execute(
            """insert into events (brand_id, id, kind, subject, occurred_at, origin, data)
               select $1, gen_random_uuid(), 'test.rolled/1', $2::uuid, now(), 'live', jsonb_build_object('kind', 'test.rolled/1', 'subject_id', $2::uuid, 'number', n)
               from generate_series(1, 500) n""",
            brand, subject,
        )  # fmt: skip
        await owner.execute(
            "insert into event_cursors (brand_id, listener, lo, hi, seq) select $1, $2, '3', ((select max(xid::text::bigint) from events) + 1)::text::xid8, 200", brand, LIVE.name
        )  # fmt: skip
        before = await owner.fetch("select * from events order by seq")
        await schema.upgrade(url)
        assert await owner.fetch("select * from events order by seq") == before
        await owner.close()
        database = Database(role_url(url, APP), role_url(url, DISPATCHER))
        await database.open()
        async with database.brand(brand) as session:
            await state(session, [Rolled(subject_id=subject, number=501)])
        heard.clear()
        await drain(database, brand, {LIVE.name})
        assert heard[subject] == list(range(201, 502)), "it goes on where it stood in its window"
        await database.close()
    finally:
        await server.execute(f"drop database {name} with (force)")
        await server.close()
