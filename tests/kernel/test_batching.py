"""Many requests, few transactions: nobody waits alone, nobody is lost, one bad request spoils only itself."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
import pytest

from siyu.kernel.batching import Batcher, MaybeDone, OutcomeUnknown, Spoiled
from siyu.kernel.errors import Busy, Refusal
from siyu.kernel.http.idempotency import IdempotencyRow
from siyu.kernel.ids import new_id

TABLE = IdempotencyRow.__tablename__


class Take(msgspec.Struct, frozen=True):
    """Take something from a shelf, under a key. ``poison``: what it does to its batch."""

    key: str
    shelf: str = "a"
    poison: str = ""


class Sold(Refusal):
    code = "test.sold"


INSERT = f"""insert into {TABLE} (scope, key, input_hash, reference, created_at)
             select $1, k, '', '{{}}', now() from unnest($2::text[]) as k on conflict do nothing"""


class Shelf:
    """Writes each key once; the sizes of its batches are kept."""

    def __init__(self, pause_s: float = 0.0, room: int = 10**9) -> None:
        self.scope = new_id().hex
        self.batches: list[list[str]] = []
        self.running = 0
        self.most_running = 0
        self.pause_s, self.room, self.taken = pause_s, room, 0

    async def decide(
        self, connection: asyncpg.Connection, _: UUID, wanted: Sequence[Take]
    ) -> Sequence[str | Refusal]:
        self.batches.append([one.key for one in wanted])
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        try:
            for one in wanted:
                if one.poison == "sql":
                    await connection.execute("select 1/0")
                if one.poison == "bug":
                    raise KeyError(one.key)
            await connection.execute(INSERT, self.scope, [one.key for one in wanted])
            await asyncio.sleep(self.pause_s)
            answers: list[str | Refusal] = []
            for one in wanted:
                self.taken += 1
                answers.append(one.key if self.taken <= self.room else Sold(key=one.key))
            return answers
        finally:
            self.running -= 1

    async def settled(
        self, connection: asyncpg.Connection, _: UUID, wanted: Sequence[Take]
    ) -> Sequence[str | None]:
        rows = await connection.fetch(f"select key from {TABLE} where scope = $1", self.scope)
        done = {row["key"] for row in rows}
        return [one.key if one.key in done else None for one in wanted]

    async def kept(self, database: Any, brand_id: UUID) -> set[str]:
        async with database.raw(brand_id) as connection:
            return {
                row["key"]
                for row in await connection.fetch(
                    f"select key from {TABLE} where scope = $1", self.scope
                )
            }


def batcher(database: Any, shelf: Shelf, **options: Any) -> Batcher[Take, str]:
    return Batcher(database, shelf.decide, shelf.settled, claims=lambda one: [one.shelf], **options)


@pytest.fixture
def brand_id() -> UUID:
    return new_id()


async def test_a_lone_request_starts_at_once(database, brand_id):
    shelf = Shelf()
    asking = batcher(database, shelf)
    assert await asking.ask(brand_id, Take("k")) == "k"
    assert await shelf.kept(database, brand_id) == {"k"} and asking.waiting == 0
    await asking.close()


async def test_while_one_batch_commits_the_next_gathers(database, brand_id):
    shelf = Shelf(pause_s=0.05)
    asking = batcher(database, shelf)
    first = asyncio.create_task(asking.ask(brand_id, Take("first")))
    await asyncio.sleep(0.02)
    others = [asyncio.create_task(asking.ask(brand_id, Take(f"k{n}"))) for n in range(20)]
    await asyncio.gather(first, *others)
    assert shelf.batches == [["first"], [f"k{n}" for n in range(20)]]
    assert shelf.most_running == 1
    await asking.close()


async def test_a_crowd_travels_together_and_not_in_small_batches_beside_a_running_one(
    database, brand_id
):
    shelf = Shelf(pause_s=0.03)
    batcher = Batcher(database, shelf.decide, shelf.settled, in_flight=2)
    first = [asyncio.create_task(batcher.ask(brand_id, Take(f"a{at}"))) for at in range(10)]
    await asyncio.sleep(0.01)
    later = []
    for at in range(9):  # one after the other, while the first ten are under way
        later.append(asyncio.create_task(batcher.ask(brand_id, Take(f"b{at}"))))
        await asyncio.sleep(0.001)
    await asyncio.gather(*first, *later)
    assert [len(one) for one in shelf.batches] == [10, 9]
    await batcher.close()


async def test_nobody_waits_for_others_when_a_batch_is_stuck(database, brand_id):
    stuck, shelf = asyncio.Event(), Shelf()

    async def decide(connection: Any, brand: UUID, wanted: Sequence[Take]) -> Sequence[Any]:
        if wanted[0].shelf == "held":
            await stuck.wait()
        return await shelf.decide(connection, brand, wanted)

    batcher = Batcher(database, decide, shelf.settled, in_flight=2, claims=lambda one: [one.shelf])
    held = [asyncio.create_task(batcher.ask(brand_id, Take("a", "held")))]
    held += [
        asyncio.create_task(batcher.ask(brand_id, Take(f"o{at}", f"o{at}"))) for at in range(9)
    ]
    await asyncio.sleep(0.01)
    await asyncio.wait_for(batcher.ask(brand_id, Take("lone", "free")), 5)
    for turn in range(2):  # nor for those who went beside it and have their answers
        crowd = [batcher.ask(brand_id, Take(f"c{turn}{at}", f"c{turn}{at}")) for at in range(5)]
        await asyncio.wait_for(asyncio.gather(*crowd), 5)
        before = len(shelf.batches)
        await asyncio.wait_for(batcher.ask(brand_id, Take(f"l{turn}", f"l{turn}")), 5)
        assert len(shelf.batches) == before + 1 and shelf.batches[-1] == [f"l{turn}"]
    assert not held[0].done()
    stuck.set()
    await asyncio.gather(*held)
    await batcher.close()


async def test_different_claims_run_side_by_side_and_equal_ones_in_order_of_arrival(
    database, brand_id
):
    shelf = Shelf(pause_s=0.03)
    asking = batcher(database, shelf, in_flight=3)
    tasks: list[asyncio.Task[str]] = []
    for n in range(12):
        tasks.append(asyncio.create_task(asking.ask(brand_id, Take(f"k{n}", shelf=f"s{n % 3}"))))
        await asyncio.sleep(0.001)
    await asyncio.gather(*tasks)
    assert shelf.most_running == 3
    order = [key for batch in shelf.batches for key in batch]
    for shelf_number in range(3):
        mine = [key for key in order if int(key[1:]) % 3 == shelf_number]
        assert mine == sorted(mine, key=lambda key: int(key[1:]))
    await asking.close()


async def test_a_batch_belongs_to_one_brand(database):
    brands, shelf = [new_id(), new_id()], Shelf(pause_s=0.01)
    asking = batcher(database, shelf, in_flight=1)
    await asyncio.gather(*(asking.ask(brands[n % 2], Take(f"b{n % 2}-{n}")) for n in range(10)))
    for batch in shelf.batches:
        assert len({key[:2] for key in batch}) == 1
    assert await shelf.kept(database, brands[0]) == {f"b0-{n}" for n in range(0, 10, 2)}
    await asking.close()


async def test_refusals_answer_those_they_are_meant_for(database, brand_id):
    shelf = Shelf(room=5)
    asking = batcher(database, shelf)
    answers = await asyncio.gather(
        *(asking.ask(brand_id, Take(f"k{n}")) for n in range(10)), return_exceptions=True
    )
    assert answers[:5] == [f"k{n}" for n in range(5)]
    assert all(isinstance(one, Sold) for one in answers[5:])
    await asking.close()


@pytest.mark.parametrize("poison", ["sql", "bug"])
async def test_one_poisoned_request_fails_alone(database, brand_id, poison):
    shelf = Shelf()
    asking = batcher(database, shelf)
    wanted = [Take(f"k{n}", poison=poison if n == 7 else "") for n in range(20)]
    answers = await asyncio.gather(
        *(asking.ask(brand_id, one) for one in wanted), return_exceptions=True
    )
    assert isinstance(answers[7], asyncpg.DivisionByZeroError if poison == "sql" else KeyError)
    assert [one for n, one in enumerate(answers) if n != 7] == [
        f"k{n}" for n in range(20) if n != 7
    ]
    assert await shelf.kept(database, brand_id) == {f"k{n}" for n in range(20) if n != 7}
    await asking.close()


async def test_a_full_queue_refuses_with_the_time_to_come_back(database, brand_id):
    shelf = Shelf(pause_s=0.05)
    asking = batcher(database, shelf, max_waiting=3)
    answers = await asyncio.gather(
        *(asking.ask(brand_id, Take(f"k{n}")) for n in range(5)), return_exceptions=True
    )
    assert [isinstance(one, Busy) for one in answers] == [False, False, False, True, True]
    assert answers[3].status == 503 and answers[3].facts == {"retry_after_s": 1}
    assert await shelf.kept(database, brand_id) == {"k0", "k1", "k2"}
    await asking.close()


async def test_batches_are_no_larger_than_allowed(database, brand_id):
    shelf = Shelf()
    asking = batcher(database, shelf, max_batch=4)
    await asyncio.gather(*(asking.ask(brand_id, Take(f"k{n}")) for n in range(10)))
    assert [len(batch) for batch in shelf.batches] == [4, 4, 2]
    await asking.close()


async def test_who_goes_away_while_waiting_is_not_served_and_disturbs_nobody(database, brand_id):
    shelf = Shelf(pause_s=0.05)
    asking = batcher(database, shelf)
    running = asyncio.create_task(asking.ask(brand_id, Take("running")))
    await asyncio.sleep(0.02)
    gone, stays = (
        asyncio.create_task(asking.ask(brand_id, Take(key))) for key in ("gone", "stays")
    )
    await asyncio.sleep(0)
    gone.cancel()
    running.cancel()  # its batch is under way: that goes on
    assert await stays == "stays"
    assert await shelf.kept(database, brand_id) == {"running", "stays"}
    assert asking.waiting == 0
    await asking.close()


async def test_closing_answers_everybody_and_takes_nobody_new(database, brand_id):
    shelf = Shelf(pause_s=0.02)
    asking = batcher(database, shelf, max_batch=2)
    tasks = [asyncio.create_task(asking.ask(brand_id, Take(f"k{n}"))) for n in range(7)]
    await asyncio.sleep(0)
    await asking.close()
    assert [await task for task in tasks] == [f"k{n}" for n in range(7)]
    with pytest.raises(Busy):
        await asking.ask(brand_id, Take("late"))


class Flaky:
    """The database, whose connection is cut at chosen moments: ``before`` or ``after`` the commit, or ``away``."""

    def __init__(self, database: Any, cuts: list[str]) -> None:
        self._database, self.cuts = database, cuts

    @asynccontextmanager
    async def raw(
        self, brand_id: UUID, *, by_key: bool = False
    ) -> AsyncIterator[asyncpg.Connection]:
        cut = self.cuts.pop(0) if self.cuts else ""
        if cut == "away":
            raise ConnectionRefusedError("nobody listens")
        async with self._database.raw(brand_id, by_key=by_key) as connection:
            yield connection
            if cut == "before":
                own = await connection.fetchval("select pg_backend_pid()")
                async with self._database.raw(brand_id) as other:
                    await other.fetchval("select pg_terminate_backend($1)", own)
                await connection.fetchval("select 1")
        if cut == "after":
            raise asyncpg.ConnectionDoesNotExistError(
                "connection was closed in the middle of operation"
            )


async def test_a_commit_whose_answer_was_lost_is_looked_up_and_not_done_twice(database, brand_id):
    shelf = Shelf()
    asking = batcher(Flaky(database, ["after"]), shelf)
    answers = await asyncio.gather(*(asking.ask(brand_id, Take(f"k{n}")) for n in range(5)))
    assert answers == [f"k{n}" for n in range(5)] and len(shelf.batches) == 1
    await asking.close()


async def test_a_connection_that_dies_before_the_commit_is_replaced(database, brand_id):
    shelf = Shelf()
    asking = batcher(Flaky(database, ["before"]), shelf)
    assert await asking.ask(brand_id, Take("k")) == "k"
    assert len(shelf.batches) == 2 and await shelf.kept(database, brand_id) == {"k"}
    await asking.close()


async def test_a_database_that_comes_back_in_time_is_waited_for(database, brand_id):
    shelf = Shelf()
    asking = batcher(Flaky(database, ["after", "away", "away"]), shelf)
    assert await asking.ask(brand_id, Take("k")) == "k"
    assert len(shelf.batches) == 1
    await asking.close()


async def test_a_database_that_stays_away_leaves_the_outcome_open_and_is_no_refusal_of_the_trade(
    database, brand_id
):
    shelf = Shelf()
    asking = batcher(Flaky(database, ["after", *["away"] * 50]), shelf, patience_s=0.2)
    with pytest.raises(OutcomeUnknown) as unknown:
        await asking.ask(brand_id, Take("k"))
    assert unknown.value.status == 503 and unknown.value.facts["retry_after_s"] > 0
    await asking.close()


async def test_a_transaction_that_hangs_is_given_up_and_decided_again(database, brand_id):
    shelf = Shelf(pause_s=0.4)

    async def first_hangs(
        connection: asyncpg.Connection, brand: UUID, wanted: Sequence[Take]
    ) -> Sequence[str | Refusal]:
        answers = await shelf.decide(connection, brand, wanted)
        shelf.pause_s = 0
        return answers

    asking = Batcher(database, first_hangs, shelf.settled, transaction_s=0.15)
    shelf_task = asyncio.create_task(asking.ask(brand_id, Take("k")))
    await asyncio.sleep(0.05)
    shelf.pause_s = 0
    assert await shelf_task == "k"
    assert len(shelf.batches) == 2 and await shelf.kept(database, brand_id) == {"k"}
    await asking.close()


async def test_what_spoils_a_batch_leaves_it_and_the_others_are_decided_again(database, brand_id):
    shelf = Shelf()

    async def decide(connection: asyncpg.Connection, brand: UUID, wanted: Sequence[Take]) -> Any:
        answers = await shelf.decide(connection, brand, wanted)
        if odd := {at: LookupError(one.key) for at, one in enumerate(wanted) if one.shelf == "odd"}:
            raise Spoiled(odd)
        return answers

    asking = Batcher(database, decide, shelf.settled)
    wanted = [Take(f"k{n}", shelf="odd" if n in (2, 5) else "a") for n in range(8)]
    answers = await asyncio.gather(
        *(asking.ask(brand_id, one) for one in wanted), return_exceptions=True
    )
    assert [n for n, one in enumerate(answers) if isinstance(one, LookupError)] == [2, 5]
    assert await shelf.kept(database, brand_id) == {f"k{n}" for n in range(8) if n not in (2, 5)}
    await asking.close()


async def test_what_has_no_key_is_not_done_a_second_time(database, brand_id):
    shelf = Shelf()
    asking = Batcher(Flaky(database, ["after"]), shelf.decide, None)
    with pytest.raises(MaybeDone):
        await asking.ask(brand_id, Take("k"))
    assert len(shelf.batches) == 1 and await shelf.kept(database, brand_id) == {"k"}
    await asking.close()


async def test_what_has_no_key_waits_for_a_database_that_is_away_before_it_was_asked(
    database, brand_id
):
    shelf = Shelf()
    asking = Batcher(Flaky(database, ["away", "away"]), shelf.decide, None)
    assert await asking.ask(brand_id, Take("k")) == "k"
    assert await shelf.kept(database, brand_id) == {"k"} and len(shelf.batches) == 1
    await asking.close()


async def test_who_waits_behind_a_batch_that_is_cancelled_at_the_close_is_not_begun(
    database, brand_id
):
    shelf = Shelf(pause_s=30)
    asking = batcher(database, shelf, in_flight=1, max_batch=1)
    asked = [asyncio.create_task(asking.ask(brand_id, Take(f"k{n}"))) for n in range(3)]
    while not shelf.batches:
        await asyncio.sleep(0.01)
    await asking.close(within_s=0.1)
    answers = await asyncio.gather(*asked, return_exceptions=True)
    assert [type(one) for one in answers] == [OutcomeUnknown, Busy, Busy]
    assert len(shelf.batches) == 1 and await shelf.kept(database, brand_id) == set()
