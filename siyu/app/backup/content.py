"""What PostgreSQL does not hold: the files, and what visitors did. Kept in rounds, each with what is new since the last.

A full round begins with every backup; the living house adds a small one each minute. Behaviour is read as a whole once
a day, with the full round; in between only what was written since is read, whenever it was received. So what is deleted
from behaviour leaves the backups' newest state within a day. Sales are not kept: they are projected from the event log.
"""

import asyncio
import io
import os
import stat
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar
from uuid import UUID

import msgspec

from siyu.app.backup.folder import Damaged, Folder
from siyu.insight.warehouse import Warehouse

T = TypeVar("T")
Kept = tuple[str, int, int]
"""Keyed hash, size, and time of change in nanoseconds."""
Told = Callable[[int, str], None]
"""Called with bytes done, and on what; from a thread."""
WHOLE_EVERY = timedelta(days=1)
"""A small round reads all behaviour when nobody has for so long; what was written lately is there for two days."""
_GRACE = timedelta(minutes=5)
"""What is being written may show so much after the moment that it carries."""
_LATELY = "+"
"""Begins the keys of what was written since behaviour was read as a whole."""


class Round(msgspec.Struct, kw_only=True):
    """What was there at a moment (``full``), or what changed since the round before."""

    at: datetime
    full: bool
    files: dict[str, Kept] = {}
    gone: list[str] = []
    behaviour: dict[str, tuple[str, str]] | None = None
    """All of it, or ``None``: as before. ``brand/20261122`` (an older day) or ``…/2026112215`` (an hour) → fingerprint and
    keyed hash. ``+202611221530`` → what was written to all brands' in those ten minutes, and how many rows: some of it
    stands under its day as well, and the warehouse forgets repetitions."""
    whole_at: datetime | None = None
    """When all behaviour was last read."""
    looked_at: datetime | None = None
    """Up to when what was written is kept."""


class State(msgspec.Struct, kw_only=True):
    """What all rounds up to one say together."""

    name: str = ""
    """The last of them."""
    files: dict[str, Kept] = {}
    behaviour: dict[str, tuple[str, str]] = {}
    whole_at: datetime | None = None
    looked_at: datetime | None = None


def rounds(folder: Folder) -> list[str]:
    """Names of the rounds, oldest first."""
    return folder.names("rounds")


def state_at(folder: Folder, at: datetime | None) -> State:
    """What was there at a moment: up to the first round that is not older; ``None``: the newest. Raises ``Damaged``."""
    names = rounds(folder)
    if at is not None:
        later = [name for name in names if moment(name) >= at]
        names = [name for name in names if moment(name) < at] + later[:1]
    whole = next((i for i in range(len(names) - 1, -1, -1) if names[i].endswith("-full")), None)
    state = State()
    for name in names[whole:] if whole is not None else ():
        _go_on(state, name, folder.get_as(name, Round))
    return state


def go_on(folder: Folder, state: State) -> None:
    """Bring a state up to the newest round, whoever kept it. Raises ``Damaged``."""
    names = rounds(folder)
    if state.name not in names:
        newest = state_at(folder, None)
        for name in State.__struct_fields__:
            setattr(state, name, getattr(newest, name))
        return
    for name in names[names.index(state.name) + 1 :]:
        _go_on(state, name, folder.get_as(name, Round))


def _go_on(state: State, name: str, one: Round) -> None:
    if one.full:
        state.files, state.behaviour, state.whole_at, state.looked_at = {}, {}, None, None
    state.name = name
    state.files.update(one.files)
    for key in one.gone:
        state.files.pop(key, None)
    if one.behaviour is not None:
        state.behaviour, state.whole_at, state.looked_at = (
            one.behaviour,
            one.whole_at,
            one.looked_at,
        )


def moment(name: str) -> datetime:
    """When a round was kept, by its name."""
    stamp = name.rpartition("/")[2].split("-")[0]
    return datetime.strptime(stamp, "%Y%m%dT%H%M%S%fZ").replace(tzinfo=UTC)


async def keep_round(
    folder: Folder, state: State, files: Path, warehouse: Warehouse | None, *, full: bool, told: Told = lambda *_: None
) -> int:  # fmt: skip
    """Keep what is new since ``state``, which is brought up to now; how many things. Nothing new: no round, unless ``full``.

    Whoever calls holds ``folder.alone("round")``. Without a warehouse behaviour stays as it was kept.
    The loop is never held: files, compression and the disk are a thread's.
    """
    at = datetime.now(UTC)
    fresh, gone = await _in_thread(lambda over: _changed_files(folder, state, files, told, over))
    one = Round(at=at, full=full, files=fresh, gone=gone)
    if warehouse is not None:
        whole = full or state.whole_at is None or at - state.whole_at >= WHOLE_EVERY
        read = _all_behaviour if whole else _lately_written
        one.behaviour = await read(folder, state, warehouse, told)
        one.whole_at, one.looked_at = at if whole else state.whole_at, at
    changes = len(fresh) + len(gone)
    changes += one.behaviour is not None and one.behaviour != state.behaviour
    if not changes and not full:
        if one.behaviour is not None:
            state.whole_at, state.looked_at = one.whole_at, one.looked_at
        return 0
    if full:
        one.files, one.gone = {**state.files, **fresh}, []
        for key in gone:
            one.files.pop(key, None)
        if one.behaviour is None:
            one.behaviour, one.whole_at, one.looked_at = state.behaviour, state.whole_at, state.looked_at  # fmt: skip
    name = f"rounds/{at:%Y%m%dT%H%M%S%fZ}-{'full' if full else 'more'}"
    await _in_thread(lambda _: folder.put(name, msgspec.json.encode(one)))
    _go_on(state, name, one)
    return int(changes)


async def _in_thread(work: Callable[[threading.Event], T]) -> T:
    """Run it beside the loop. Cancelled, it is told so by the event and waited for: whoever holds a lock holds it so long."""
    over = threading.Event()
    running = asyncio.ensure_future(asyncio.to_thread(work, over))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        over.set()
        await asyncio.wait([running])
        raise


def _changed_files(
    folder: Folder, state: State, files: Path, told: Told, over: threading.Event
) -> tuple[dict[str, Kept], list[str]]:
    """Files that are new or changed by size and time, and keys that are gone. What is being written comes next time.

    Ends early, with what it has, once ``over`` is set.
    """
    fresh: dict[str, Kept] = {}
    there: set[str] = set()
    for path in _files_below(files):
        if over.is_set():
            break
        key = path.relative_to(files).as_posix()
        try:
            about = path.stat()
            if not stat.S_ISREG(about.st_mode):
                continue
            there.add(key)
            before = state.files.get(key)
            if before and before[1:] == (about.st_size, about.st_mtime_ns):
                continue
            with path.open("rb") as file:
                name, size = folder.put_content(file)
        except FileNotFoundError:
            there.discard(key)
            continue
        fresh[key] = (name, size, about.st_mtime_ns)
        told(size, key)
    return fresh, [key for key in state.files if key not in there]


def _files_below(files: Path) -> Iterator[Path]:
    for place, folders, names in os.walk(files):
        folders.sort()
        for name in sorted(names):
            if "#" not in name:  # the store's own drafts carry a number sign
                yield Path(place, name)


_BUCKETS = """
SELECT toString(brand) AS of, bucket, toString(groupBitXor(cityHash64(*))) || ':' || toString(count()) AS fingerprint FROM
(SELECT *, if(toDate(received_at) < today() - 1, formatDateTime(received_at, '%Y%m%d'), formatDateTime(received_at, '%Y%m%d%H')) AS bucket
 FROM behaviour FINAL) GROUP BY brand, bucket FORMAT JSONEachRow
"""
_ROWS = """
SELECT * FROM behaviour FINAL WHERE brand = {brand:UUID}
AND received_at >= parseDateTime64BestEffort({first:String}, 3, 'UTC') AND received_at <= parseDateTime64BestEffort({last:String}, 3, 'UTC')
ORDER BY name, at, message_id FORMAT Native
"""


_WRITTEN = """
SELECT formatDateTime(toStartOfTenMinutes(written), '%Y%m%d%H%i', 'UTC') AS bucket, toString(count()) AS rows FROM behaviour_lately
WHERE written >= toStartOfTenMinutes(parseDateTime64BestEffort({since:String}, 3, 'UTC'))
GROUP BY bucket ORDER BY bucket FORMAT JSONEachRow
"""
_LATE_ROWS = """
SELECT * EXCEPT written FROM behaviour_lately
WHERE written >= parseDateTimeBestEffort({bucket:String}, 'UTC') AND written < parseDateTimeBestEffort({bucket:String}, 'UTC') + INTERVAL 10 MINUTE
ORDER BY brand, name, at, message_id, received_at FORMAT Native
"""


async def _all_behaviour(
    folder: Folder, state: State, warehouse: Warehouse, told: Told
) -> dict[str, tuple[str, str]]:
    """Every brand's days and last hours, those that changed written anew. Raises ``WarehouseAway``."""
    found: dict[str, tuple[str, str]] = {}
    answer = await warehouse.read(_BUCKETS)
    for line in answer.splitlines():
        row = msgspec.json.decode(line, type=dict[str, str])
        key = f"{row['of']}/{row['bucket']}"
        before = state.behaviour.get(key)
        if before and before[0] == row["fingerprint"]:
            found[key] = before
            continue
        rows = await behaviour_of(warehouse, UUID(row["of"]), row["bucket"])
        found[key] = row["fingerprint"], await _keep(folder, rows, key, told)
    return found


async def _lately_written(
    folder: Folder, state: State, warehouse: Warehouse, told: Told
) -> dict[str, tuple[str, str]]:
    """What is kept, and what was written since the last look, of all brands together. Raises ``WarehouseAway``."""
    assert state.looked_at is not None
    found = dict(state.behaviour)
    answer = await warehouse.read(_WRITTEN, since=f"{state.looked_at - _GRACE:%Y-%m-%d %H:%M:%S.%f}"[:-3])  # fmt: skip
    for line in answer.splitlines():
        row = msgspec.json.decode(line, type=dict[str, str])
        bucket = row["bucket"]
        key = _LATELY + bucket
        if key in found and found[key][0] == row["rows"]:  # nothing is ever taken away there
            continue
        at = f"{bucket[:4]}-{bucket[4:6]}-{bucket[6:8]} {bucket[8:10]}:{bucket[10:]}:00"
        rows = await warehouse.read(_LATE_ROWS, bucket=at)
        found[key] = row["rows"], await _keep(folder, rows, key, told)
    return found


async def _keep(folder: Folder, rows: bytes, key: str, told: Told) -> str:
    name, size = await _in_thread(lambda _: folder.put_content(io.BytesIO(rows)))
    told(size, key)
    return name


async def behaviour_of(warehouse: Warehouse, brand_id: UUID, bucket: str) -> bytes:
    """What a brand's visitors did on a day or in an hour, in ClickHouse's native format. Raises ``WarehouseAway``."""
    day, hour = f"{bucket[:4]}-{bucket[4:6]}-{bucket[6:8]}", bucket[8:]
    first, last = f"{day} {hour or '00'}:00:00.000", f"{day} {hour or '23'}:59:59.999"
    return await warehouse.read(_ROWS, brand=brand_id, first=first, last=last)


def put_files_back(folder: Folder, state: State, files: Path, told: Told = lambda *_: None) -> int:
    """Write the files of a state into an empty folder; how many. Raises ``Damaged``."""
    for key, (name, size, _) in sorted(state.files.items()):
        target = files / key
        if not target.resolve().is_relative_to(files.resolve()):
            raise Damaged(file=key)
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("wb") as file:
            folder.take_content(name, file)
        told(size, key)
    return len(state.files)


async def put_behaviour_back(
    folder: Folder, state: State, warehouse: Warehouse, until: datetime | None
) -> int:
    """Bring back what visitors did, up to a moment; how many days and hours. Raises ``Damaged``, ``WarehouseAway``."""
    for _, name in state.behaviour.values():
        content = io.BytesIO()
        folder.take_content(name, content)
        await warehouse.write("INSERT INTO behaviour FORMAT Native", content.getvalue())
    if until is not None:
        await warehouse.command(
            "DELETE FROM behaviour WHERE received_at > parseDateTime64BestEffort({until:String}, 3, 'UTC')",
            until=until.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3],
        )
    await warehouse.command("TRUNCATE TABLE behaviour_lately")  # a new house's backups begin anew
    return len(state.behaviour)
