"""Columns of values on their way into a statement, for ``unnest``."""

from typing import TypeVar

_T = TypeVar("_T")


def once(column: list[_T]) -> list[_T]:
    """The column as one value when all are the same; the statement gives it to every row: ``coalesce(x, ($n)[1])``.

    For columns without NULL. The driver looks at each value of an array, and that is most of its time.
    """
    assert None not in column, "NULL would become the first value"
    return column[:1] if column and column.count(column[0]) == len(column) else column
