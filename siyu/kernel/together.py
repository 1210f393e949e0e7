"""Several reads, or several writes, in one message: a batch waits for the database once instead of once for each."""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Generic, TypeVar

import asyncpg
from msgspec import Struct

_VALUE = re.compile(r"\$(\d+)")
Found = TypeVar("Found")
Rows = Sequence[Mapping[str, Any]]


class Read(Struct, Generic[Found], frozen=True):
    """A reading statement, the columns that it gives (no arrays), its values from ``$1`` on, and what its rows mean."""

    statement: str
    columns: tuple[str, ...]
    values: tuple[Any, ...]
    meaning: Callable[[Rows], Found]

    async def on(self, connection: asyncpg.Connection) -> Found:
        """What is found by this statement alone."""
        return self.meaning(await connection.fetch(self.statement, *self.values))


async def read_together(connection: asyncpg.Connection, *reads: Read[Any]) -> list[Any]:
    """What each finds, in this order, all as of the same moment; rows in the order of their statement."""
    text = _reading(tuple((one.statement, one.columns, len(one.values)) for one in reads))
    row = await connection.fetchrow(text, *(value for one in reads for value in one.values))
    found: list[Any] = []
    first = 0
    for one in reads:
        columns = row[first : first + len(one.columns)]
        first += len(one.columns)
        rows = [] if columns[0] is None else list(zip(*columns, strict=True))
        found.append(one.meaning([dict(zip(one.columns, each, strict=True)) for each in rows]))
    return found


@lru_cache(maxsize=256)
def _reading(parts: Sequence[tuple[str, Sequence[str], int]]) -> str:
    """Each statement as one row that holds an array per column: rows of unlike shapes fit side by side."""
    sides: list[str] = []
    before = 0
    for at, (statement, columns, count) in enumerate(parts):
        gathered = ", ".join(f"array_agg({column})" for column in columns)
        sides.append(f"(select {gathered} from ({_moved(statement, before)}) as t) as read_{at}")
        before += count
    return f"select * from {', '.join(sides)}"


def _moved(statement: str, by: int) -> str:
    """The statement, with its values that many places later."""
    return _VALUE.sub(lambda found: f"${int(found[1]) + by}", statement)


class Write(Struct, frozen=True):
    """One writing statement and its values, of which nothing is to be read; ``$1`` is the first."""

    statement: str
    values: tuple[Any, ...]


async def write_together(connection: asyncpg.Connection, last: Write, *others: Write) -> None:
    """Do all of them, or raise what the first failure raises.

    They see the rows as they were before any of them, in no order; foreign keys among what they write hold at the
    end. Only ``last`` may itself consist of several writes (PostgreSQL: WITH clauses that write stand at the top).
    """
    parts = (*others, last)
    text = _writing(tuple((one.statement, len(one.values)) for one in parts))
    await connection.execute(text, *(value for one in parts for value in one.values))


@lru_cache(maxsize=256)
def _writing(parts: Sequence[tuple[str, int]]) -> str:
    """The last statement, with the others as steps before its own."""
    moved: list[str] = []
    before = 0
    for statement, count in parts:
        moved.append(_moved(statement, before))
        before += count
    *others, last = moved
    if not others:
        return last
    steps = ", ".join(f"write_{at} as ({one})" for at, one in enumerate(others))
    head, _, rest = last.strip().partition(" ")
    return f"with {steps}, {rest}" if head.lower() == "with" else f"with {steps} {last}"
