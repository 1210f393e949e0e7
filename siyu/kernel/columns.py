"""Columns of values on their way into a statement, for ``unnest``."""

from typing import TypeVar

from asyncpg.protocol import protocol

_T = TypeVar("_T")
_NOTHING: dict[str, str] = {}
_COLUMNS = (list, tuple, set, frozenset, type(_NOTHING.keys()), type(_NOTHING.values()))


def plain_columns() -> None:
    """Let the driver tell arrays from values by these types, which is all that this house passes.

    It asks two abstract classes about each value of each array, and that was 3 % of what an order costs the web
    process. A later driver without these names goes on asking.
    """
    for name in ("IterableABC", "SizedABC"):
        if hasattr(protocol, name):
            setattr(protocol, name, _COLUMNS)


def once(column: list[_T]) -> list[_T]:
    """The column as one value when all are the same; the statement gives it to every row: ``coalesce(x, ($n)[1])``.

    For columns without NULL. The driver looks at each value of an array, and that is most of its time.
    """
    assert None not in column, "NULL would become the first value"
    return column[:1] if column and column.count(column[0]) == len(column) else column
