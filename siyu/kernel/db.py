"""PostgreSQL: rows of brands, sessions bound to one brand, and the row-level security that holds them apart.

Three roles. *owner* migrates and is never used by the running program. *app* (``siyu_app``) sees only
the rows of the brand that its transaction is bound to; without a brand it sees nothing. *dispatcher*
(``siyu_dispatcher``) reads only the columns that tables offer it (``dispatch=…``) to find out which
brand has work, and the directory.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from uuid import UUID
from weakref import WeakKeyDictionary

import asyncpg
import msgspec
from sqlalchemy import BigInteger, DateTime, ForeignKeyConstraint, MetaData, Text, event, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from sqlalchemy.types import Uuid

from siyu.kernel.columns import plain_columns
from siyu.kernel.watching import Watch, Watcher, bound

APP, DISPATCHER = "siyu_app", "siyu_dispatcher"
CURRENT_BRAND = "nullif(current_setting('siyu.brand', true), '')::uuid"

type_map: dict[Any, Any] = {
    int: BigInteger,
    str: Text,
    UUID: Uuid,
    datetime: DateTime(timezone=True),
    dict[str, Any]: JSONB,
    dict[str, str]: JSONB,
    list[Any]: JSONB,
}


class Base(DeclarativeBase):
    """All tables. Integers are BIGINT, texts TEXT, instants timestamptz, structures JSONB."""

    metadata = MetaData(
        naming_convention={
            "pk": "%(table_name)s_pkey",
            "ix": "%(table_name)s_%(column_0_N_name)s_idx",
            "uq": "%(table_name)s_%(column_0_N_name)s_key",
            "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
            "ck": "%(table_name)s_%(constraint_name)s_check",
        }
    )
    type_annotation_map = type_map


class OfBrand:
    """Mixin of every table whose rows belong to a brand: ``brand_id`` leads the primary key.

    It is filled in from the session, never by hand. Offer columns to the dispatcher with
    ``__table_args__ = (..., {"info": {"dispatch": ["brand_id", "kind", "due_at"]}})``.
    """

    brand_id: Mapped[UUID] = mapped_column(
        primary_key=True, server_default=text(CURRENT_BRAND), sort_order=-100
    )


def within_brand(table: str, *columns: str, ondelete: str | None = None) -> ForeignKeyConstraint:
    """Foreign key ``(brand_id, columns…)`` → ``table (brand_id, id)``: a row can only point inside its brand."""
    targets = ["id"] if len(columns) == 1 else list(columns)
    return ForeignKeyConstraint(
        ["brand_id", *columns],
        [f"{table}.brand_id", *(f"{table}.{target}" for target in targets)],
        ondelete=ondelete,
    )


@event.listens_for(Session, "before_flush")
def _put_brand(session: Session, *_: Any) -> None:
    brand = session.info.get("brand_id")
    for row in session.new:
        if isinstance(row, OfBrand) and row.brand_id is None:  # pyright: ignore[reportUnnecessaryComparison]
            assert brand is not None, "a brand's row needs a session bound to the brand"
            row.brand_id = brand


def sqlalchemy_url(url: str) -> str:
    """The same URL with the driver that SQLAlchemy needs named in it."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(scheme="postgresql+asyncpg"))


CLOSE_S = 10.0
UNDO_S = 5.0
"""How long a server that has fallen silent is waited for to roll back; then the connection is ended instead."""
IDLE_S = 5.0
"""How long a transaction may say nothing. Whoever is frozen or cut off in its middle loses it, and its locks, then."""
LIMITS = {
    "idle_in_transaction_session_timeout": f"{IDLE_S:g}s",
    "lock_timeout": "10s",
    "client_connection_check_interval": "2s",
    "tcp_keepalives_idle": "5",
    "tcp_keepalives_interval": "2",
    "tcp_keepalives_count": "2",
    "tcp_user_timeout": "9000",
}
"""Asked of the server for each connection: nobody waits longer than that for a process or a machine that is gone."""
STATEMENTS = 1_000
"""Statements that a connection keeps prepared: all of ours. With the drivers' 100 every page pushed out another's."""


_BY_KEY = "; set local enable_seqscan = off; set local plan_cache_mode = force_generic_plan"


class Database:
    """The running program's doors to PostgreSQL: ``brand`` for rows, ``raw`` for hot paths, ``dispatcher``."""

    def __init__(
        self, app_url: str, dispatcher_url: str, *, size: int = 10, raw_size: int = 6
    ) -> None:
        self._app_url = app_url
        self._dispatcher_url = dispatcher_url
        self._raw_size = raw_size
        self._engine = create_async_engine(
            sqlalchemy_url(app_url),
            pool_size=size,
            max_overflow=0,
            pool_timeout=10,
            pool_pre_ping=False,
            hide_parameters=True,  # an error's text goes into the log, and what people typed must not
            json_serializer=lambda value: msgspec.json.encode(value).decode(),
            json_deserializer=msgspec.json.decode,
            connect_args={
                "server_settings": {"application_name": "siyu", **LIMITS},
                "prepared_statement_cache_size": STATEMENTS,
            },
        )
        event.listen(self._engine.sync_engine, "checkout", _check_open)
        self._sessions = async_sessionmaker(self._engine, expire_on_commit=False)
        self._pool: asyncpg.Pool | None = None
        self._dispatcher: asyncpg.Pool | None = None
        self._watch = Watch()

    def watch(self, watcher: Watcher) -> None:
        """Call something after every statement, failed ones too. Before ``open``."""
        self._watch.watcher = watcher
        self._watch.of_engine(self._engine.sync_engine)

    def connections(self) -> dict[str, tuple[int, int]]:
        """By pool – sessions, bare, dispatcher –: connections in use, and the most there may be."""
        pool: Any = self._engine.pool
        found = {"sessions": (int(pool.checkedout()), int(pool.size()))}
        bare: list[tuple[str, Any]] = [("bare", self._pool), ("dispatcher", self._dispatcher)]
        for name, one in bare:
            if one is not None:
                found[name] = (one.get_size() - one.get_idle_size(), one.get_max_size())
        return found

    async def open(self) -> None:
        """Connect the pools. Raises what asyncpg raises when the server cannot be reached."""
        plain_columns()
        self._pool = await asyncpg.create_pool(
            self._app_url,
            min_size=1,
            max_size=self._raw_size,
            init=self._open_raw,
            reset=_no_reset,
            timeout=10,
            server_settings=LIMITS,
            statement_cache_size=STATEMENTS,
        )
        self._dispatcher = await asyncpg.create_pool(
            self._dispatcher_url,
            min_size=1,
            max_size=3,
            timeout=10,
            init=self._watch.of_connection,
            server_settings=LIMITS,
        )

    async def _open_raw(self, connection: asyncpg.Connection) -> None:
        await _json_codecs(connection)
        await self._watch.of_connection(connection)

    async def close(self) -> None:
        """Give all connections back; bare ones that are still held after a while are cut off, sessions end by themselves."""
        for pool in (self._pool, self._dispatcher):
            if pool is not None:
                with suppress(TimeoutError):
                    async with asyncio.timeout(CLOSE_S):
                        await pool.close()
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_S):
                await self._engine.dispose()

    @asynccontextmanager
    async def brand(
        self, brand_id: UUID, *, actor: "Actor | None" = None
    ) -> AsyncIterator[AsyncSession]:
        """One transaction bound to one brand: commits at the end, rolls back when anything is raised."""
        async with self._sessions() as session:
            session.info["brand_id"] = brand_id
            session.info["actor"] = actor
            running = session.info["running"] = Running(brand_id, [])
            try:
                with bound(brand_id):
                    async with session.begin():
                        await session.execute(
                            text("select set_config('siyu.brand', :brand, true)"),
                            {"brand": str(brand_id)},
                        )
                        yield session
            finally:
                if (driver := session.info.get("driver")) is not None:
                    _running.pop(driver, None)
            for call in running.after_commit:
                call()

    @asynccontextmanager
    async def raw(
        self, brand_id: UUID, *, by_key: bool = False
    ) -> AsyncIterator[asyncpg.Connection]:
        """One brand-bound transaction on a bare asyncpg connection (JSONB as Python values).

        ``by_key`` is for those that look everything up by key: a connection keeps its plans, and one made while the
        tables of a new house were empty would read them whole, foreign keys included, until statistics are gathered.
        One plan serves all values: planning anew for each short list takes longer than looking it up.
        """
        assert self._pool is not None, "open() first"
        async with self._pool.acquire() as connection:
            # One message opens and binds it; a UUID's own text cannot carry anything else.
            indexed = _BY_KEY if by_key else ""
            running = Running(brand_id, [])
            with bound(brand_id):
                bare = _bare(connection)  # the wrapper forgets it when the connection ends
                try:
                    await connection.execute(
                        f"begin; set local siyu.brand = '{UUID(int=brand_id.int)}'{indexed}"
                    )
                    _running[bare] = running
                    yield connection
                    done = await connection.execute("commit")
                    assert done == "COMMIT", "a statement failed, and its error was swallowed"
                except BaseException:
                    await _undo(connection)
                    raise
                finally:
                    _running.pop(bare, None)
        for call in running.after_commit:
            call()

    @asynccontextmanager
    async def dispatcher(self) -> AsyncIterator[asyncpg.Connection]:
        """A connection that sees, of all brands, only the columns offered to the dispatcher."""
        assert self._dispatcher is not None, "open() first"
        async with self._dispatcher.acquire() as connection:
            yield connection


def _check_open(connection: Any, _record: Any, _proxy: Any) -> None:
    """Leave a connection that ended while it lay in the pool: after a restart of the database nobody shall meet it."""
    if connection.driver_connection.is_closed():
        raise DisconnectionError


async def _undo(connection: asyncpg.Connection) -> None:
    """Roll back; a connection that cannot is broken, and is ended so that nobody gets it again."""
    try:
        if not connection.is_closed():
            async with asyncio.timeout(UNDO_S):  # also for what is still being called off before it
                await connection.execute("rollback")
    except (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError, asyncio.CancelledError) as why:  # fmt: skip
        with suppress(asyncpg.InterfaceError):  # the pool may have it back already
            connection.terminate()
        if isinstance(why, asyncio.CancelledError):
            raise


def has_ended(error: BaseException) -> bool:
    """Whether the driver says that the connection ended before it was asked (a pool takes such a one back at once)."""
    return isinstance(error, asyncpg.InterfaceError) and any(
        sign in str(error) for sign in ("clos", "released back to the pool")
    )


def is_away(error: BaseException | None) -> bool:
    """Whether PostgreSQL could not be reached, is starting or stopping, or the connection broke; not that it refused."""
    while error is not None:
        state = str(getattr(error, "sqlstate", None) or "")
        broken = has_ended(error) or isinstance(error, asyncpg.InternalClientError)
        if isinstance(error, ConnectionError) or broken or state.startswith("08") or state in _AWAY:
            return True
        error = error.__cause__ or error.__context__
    return False


def is_given_up(error: BaseException | None) -> bool:
    """Whether something broke on the way out of work that was cancelled: we ended the connection, nobody waits any more."""
    while error is not None:
        if isinstance(error, TimeoutError):  # that is how asyncio's timeouts cancel
            return False
        if isinstance(error, asyncio.CancelledError):
            return True
        error = error.__cause__ or error.__context__
    return False


_AWAY = ("57P01", "57P02", "57P03", "53300", "25P03")
"""SQLSTATE: shutting down, a back end crashed, cannot connect now, no connection is free, said nothing for ``IDLE_S``."""


class Running(msgspec.Struct, frozen=True):
    """A transaction: its brand, and what is called (must not raise) once it has committed."""

    brand_id: UUID
    after_commit: list[Callable[[], None]]


_running: WeakKeyDictionary[asyncpg.Connection, Running] = WeakKeyDictionary()


def transaction_on(connection: asyncpg.Connection) -> Running | None:
    """The transaction that ``Database`` has open on a connection; None on connections opened elsewhere."""
    return _running.get(_bare(connection))


def brand_on(connection: asyncpg.Connection) -> UUID:
    """The brand that the transaction ``Database`` has open on a connection is bound to."""
    running = transaction_on(connection)
    assert running is not None, "a connection of Database, inside its transaction"
    return running.brand_id


def _bare(connection: Any) -> asyncpg.Connection:
    return getattr(
        connection, "_con", connection
    )  # a pool hands out a wrapper that changes with each use


class Actor(msgspec.Struct, frozen=True):
    """Who acts: a staff member, a customer, or the system itself."""

    kind: str
    """``staff`` · ``customer`` · ``guest`` · ``system``"""
    id: UUID | None = None
    name: str = ""
    request_id: str = ""


SYSTEM = Actor("system", None, "siyu")


def brand_of(session: AsyncSession) -> UUID:
    """The brand that a session is bound to."""
    return session.info["brand_id"]


def actor_of(session: AsyncSession) -> Actor:
    """Who acts in a session; the system when nobody is named."""
    return session.info.get("actor") or SYSTEM


async def driver_of(session: AsyncSession) -> asyncpg.Connection:
    """The asyncpg connection under a session, inside its transaction (for array-wise SQL)."""
    raw = await (await session.connection()).get_raw_connection()
    driver = raw.driver_connection
    assert driver is not None
    if "running" in session.info:
        session.info["driver"], _running[driver] = driver, session.info["running"]
    return driver


def after_commit(session: AsyncSession, call: Any) -> None:
    """Call something (no arguments, must not raise) once the session's transaction has committed."""
    session.info["running"].after_commit.append(call)


async def _json_codecs(connection: asyncpg.Connection) -> None:
    await connection.set_type_codec(
        "jsonb",
        schema="pg_catalog",
        encoder=lambda value: (
            b"\x01" + (value if isinstance(value, bytes) else msgspec.json.encode(value))
        ),
        decoder=_from_jsonb,
        format="binary",
    )


def _from_jsonb(data: bytes) -> Any:
    return msgspec.json.decode(data[1:])


async def _no_reset(_: asyncpg.Connection) -> None:
    """The brand is set per transaction and dies with it, so a round trip for a reset buys nothing."""
