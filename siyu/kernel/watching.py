"""Watching statements: every one of a process's, with its time and the brand it was for, whichever way it was sent."""

from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from time import perf_counter
from typing import Any
from uuid import UUID

from sqlalchemy import event

Watcher = Callable[[str, float, BaseException | None], None]
"""Is told a statement, the seconds it was awaited, and what it failed with; must not raise."""
bound_brand: ContextVar[UUID | None] = ContextVar("siyu_bound_brand", default=None)
"""The brand of the transaction that the running code is in."""


@contextmanager
def bound(brand_id: UUID) -> Generator[None]:
    """Around a brand's transaction."""
    before = bound_brand.set(brand_id)
    try:
        yield
    finally:
        with suppress(ValueError):  # ended by another task than began it
            bound_brand.reset(before)


class Watch:
    """The statements of one ``Database``. Nobody is called, and nothing measured, until ``watcher`` is set."""

    watcher: Watcher | None = None

    def of_engine(self, engine: Any) -> None:
        """Watch a SQLAlchemy engine: its own statements, and those sent bare over its connections."""

        def connected(connection: Any, _: Any) -> None:
            connection.driver_connection.add_query_logger(self._heard)

        def begins(_: Any, __: Any, ___: str, ____: Any, context: Any, _____: Any) -> None:
            context.siyu_began = perf_counter()

        def ends(_: Any, __: Any, statement: str, ___: Any, context: Any, ____: Any) -> None:
            self._tell(statement, perf_counter() - context.siyu_began, None)

        def fails(told: Any) -> None:
            began = getattr(told.execution_context, "siyu_began", None)
            if began is not None and told.statement is not None:
                self._tell(told.statement, perf_counter() - began, told.original_exception)

        for name, call in (
            ("connect", connected),
            ("before_cursor_execute", begins),
            ("after_cursor_execute", ends),
            ("handle_error", fails),
        ):
            event.listen(engine, name, call)

    async def of_connection(self, connection: Any) -> None:
        """Watch a bare connection."""
        if self.watcher is not None:
            connection.add_query_logger(self._heard)

    def _heard(self, record: Any) -> None:
        """What the driver calls, in the context in which the statement was awaited."""
        if self.watcher is not None:
            self.watcher(record.query, record.elapsed, record.exception)

    def _tell(self, statement: str, seconds: float, failure: BaseException | None) -> None:
        if self.watcher is not None:
            self.watcher(statement, seconds, failure)
