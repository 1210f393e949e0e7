"""Several reads or writes in one message mean the same as one after the other."""

from uuid import UUID

import asyncpg
import pytest
from asyncpg.protocol import protocol

from siyu.kernel.columns import plain_columns
from siyu.kernel.http.idempotency import IdempotencyRow
from siyu.kernel.ids import new_id
from siyu.kernel.together import Read, Write, read_together, write_together

TABLE = IdempotencyRow.__tablename__
NUMBERS = "select n, n::text as word from unnest($1::bigint[]) as n where n > $2 order by n desc"
INSERT = f"""insert into {TABLE} (scope, key, input_hash, reference, created_at)
             select $1, k, '', '{{}}', now() from unnest($2::text[]) as k"""


@pytest.fixture
def brand_id() -> UUID:
    return new_id()


def numbers(values: list[int], above: int) -> Read[list[tuple[int, str]]]:
    return Read(
        NUMBERS, ("n", "word"), (values, above), lambda rows: [(r["n"], r["word"]) for r in rows]
    )


async def test_reads_of_unlike_shapes_find_the_same_together_as_alone(database, brand_id):
    label = Read("select $1::text as label", ("label",), ("x",), lambda rows: rows[0]["label"])
    nobody = numbers([1, 2], 7)
    some = numbers([5, None, 9, 7], 5)
    async with database.raw(brand_id) as connection:
        together = await read_together(connection, some, label, nobody, numbers([3], 0))
        alone = [await one.on(connection) for one in (some, label, nobody, numbers([3], 0))]
    assert together == alone == [[(9, "9"), (7, "7")], "x", [], [(3, "3")]]


async def test_a_column_of_nothing_but_null_is_still_a_row(database, brand_id):
    read = Read("select null::uuid as id, 1 as n", ("id", "n"), (), list)
    async with database.raw(brand_id) as connection:
        (found,) = await read_together(connection, read)
    assert found == [{"id": None, "n": 1}]


async def test_writes_together_are_all_done_or_none(database, brand_id):
    scope = new_id().hex
    # the last one consists of two writes itself
    last = Write(
        f"with w as ({INSERT} returning key) insert into {TABLE} (scope, key, input_hash, reference, created_at)"
        " select $1, key || $3, '', '{}', now() from w",
        (scope, ["a", "b"], "!"),
    )
    async with database.raw(brand_id) as connection:
        await write_together(
            connection, last, Write(INSERT, (scope, ["c"])), Write(INSERT, (scope, []))
        )
    kept = f"select array_agg(key order by key) from {TABLE} where scope = $1"
    async with database.raw(brand_id) as connection:
        assert await connection.fetchval(kept, scope) == ["a", "a!", "b", "b!", "c"]
    with pytest.raises(asyncpg.UniqueViolationError):
        async with database.raw(brand_id) as connection:
            await write_together(
                connection, Write(INSERT, (scope, ["d"])), Write(INSERT, (scope, ["a"]))
            )
    async with database.raw(brand_id) as connection:
        assert "d" not in await connection.fetchval(kept, scope)


async def test_the_driver_takes_every_kind_of_column_and_refuses_what_is_none(database, brand_id):
    plain_columns()
    assert (
        protocol.IterableABC is protocol.SizedABC
    )  # the driver of the lock file still asks by these names
    async with database.raw(brand_id) as connection:
        ask = "select array(select x from unnest($1::text[]) as x order by x)"
        for column in (
            ["a", "b"],
            ("a", "b"),
            {"a", "b"},
            frozenset("ab"),
            dict.fromkeys("ab").keys(),
        ):
            assert await connection.fetchval(ask, column) == ["a", "b"]
        assert await connection.fetchval("select $1::bigint[]", [[1, 2], [3, 4]]) == [
            [1, 2],
            [3, 4],
        ]
        for wrong in ("ab", 7, b"ab", {"a": 1}):
            with pytest.raises(asyncpg.DataError):
                await connection.fetchval(ask, wrong)
