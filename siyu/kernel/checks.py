"""Invariants: SQL that returns the rows that must not be there. Run by ``siyu check``, nightly, and by tests."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import text

from siyu.kernel.db import Database

SHOWN_ROWS = 20


class Invariant(msgspec.Struct, frozen=True):
    """A sentence about a brand's rows that is always true, and the SQL that finds where it is not."""

    name: str
    sentence: dict[str, str]
    sql: str


class Broken(msgspec.Struct, frozen=True):
    """An invariant that does not hold: at most ``SHOWN_ROWS`` of the rows that break it."""

    name: str
    sentence: dict[str, str]
    rows: list[dict[str, Any]]


invariants: dict[str, Invariant] = {}


def invariant(
    name: str, *, sentence: dict[str, str]
) -> Callable[[Callable[[], str]], Callable[[], str]]:
    """Register a function that returns the SQL of an invariant, named ``module.what``.

    The SQL runs bound to one brand, so it names no brand; it needs no limit of its own.
    """

    def register(tell: Callable[[], str]) -> Callable[[], str]:
        assert name not in invariants, f"two invariants are called {name}"
        invariants[name] = Invariant(name, sentence, tell().strip().rstrip(";"))
        return tell

    return register


async def run_checks(
    database: Database, brand_id: UUID, names: set[str] | None = None
) -> list[Broken]:
    """Check all invariants (or the named ones) of a brand, each on one snapshot; those that do not hold."""
    broken: list[Broken] = []
    for one in sorted(invariants.values(), key=lambda i: i.name):
        if names is not None and one.name not in names:
            continue
        async with database.brand(brand_id) as session:
            found = await session.execute(
                text(f"select * from ({one.sql}) as offending limit {SHOWN_ROWS}")
            )
            rows = [{key: _plain(value) for key, value in row.items()} for row in found.mappings()]
        if rows:
            broken.append(Broken(one.name, one.sentence, rows))
    return broken


def _plain(value: Any) -> Any:
    return value if isinstance(value, bool | int | str) or value is None else str(value)
