"""What PostgreSQL does not hold: the files, and what visitors did. Kept in rounds, each with what is new since the last.

A full round begins with every backup; the living house adds a small one each minute. Sales are not kept: they are
projected from the event log.
"""

import io
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import msgspec

from siyu.app.backup.folder import Damaged, Folder
from siyu.insight.warehouse import Warehouse

Kept = tuple[str, int, int]
"""Keyed hash, size, and time of change in nanoseconds."""
Told = Callable[[int, str], None]
"""Called with bytes done, and on what."""


class Round(msgspec.Struct, kw_only=True):
    """What was there at a moment (``full``), or what changed since the round before."""

    at: datetime
    full: bool
    files: dict[str, Kept] = {}
    gone: list[str] = []
    behaviour: dict[str, tuple[str, str]] | None = None
    """``brand/20261122`` (an older day) or ``…/2026112215`` (an hour) → fingerprint and keyed hash; ``None``: as before."""


class State(msgspec.Struct, kw_only=True):
    """What all rounds up to one say together."""

    name: str = ""
    """The last of them."""
    files: dict[str, Kept] = {}
    behaviour: dict[str, tuple[str, str]] = {}


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


def _go_on(state: State, name: str, one: Round) -> None:
    if one.full:
        state.files, state.behaviour = {}, {}
    state.name = name
    state.files.update(one.files)
    for key in one.gone:
        state.files.pop(key, None)
    if one.behaviour is not None:
        state.behaviour = one.behaviour


def moment(name: str) -> datetime:
    """When a round was kept, by its name."""
    stamp = name.rpartition("/")[2].split("-")[0]
    return datetime.strptime(stamp, "%Y%m%dT%H%M%S%fZ").replace(tzinfo=UTC)


async def keep_round(
    folder: Folder, state: State, files: Path, warehouse: Warehouse | None, *, full: bool, told: Told = lambda *_: None
) -> int:  # fmt: skip
    """Keep what is new since ``state``, which is brought up to now; how many things. Nothing new: no round, unless ``full``.

    Whoever calls holds ``folder.alone("round")``. Without a warehouse behaviour stays as it was kept.
    """
    at = datetime.now(UTC)
    fresh, gone = _changed_files(folder, state, files, told)
    behaviour = await _changed_behaviour(folder, state, warehouse, told) if warehouse else None
    one = Round(at=at, full=full, files=fresh, gone=gone, behaviour=behaviour)
    changes = len(fresh) + len(gone) + (behaviour is not None and behaviour != state.behaviour)
    if not changes and not full:
        return 0
    if full:
        one.files, one.gone = {**state.files, **fresh}, []
        for key in gone:
            one.files.pop(key, None)
        one.behaviour = state.behaviour if behaviour is None else behaviour
    kind = "full" if full else "more"
    name = f"rounds/{at:%Y%m%dT%H%M%S%fZ}-{kind}"
    folder.put(name, msgspec.json.encode(one))
    _go_on(state, name, one)
    return int(changes)


def _changed_files(
    folder: Folder, state: State, files: Path, told: Told
) -> tuple[dict[str, Kept], list[str]]:
    """Files that are new or changed by size and time, and keys that are gone. What is being written comes next time."""
    fresh: dict[str, Kept] = {}
    there: set[str] = set()
    for path in sorted(files.rglob("*")) if files.is_dir() else ():
        key = path.relative_to(files).as_posix()
        try:
            about = path.stat()
            if not path.is_file() or "#" in path.name:  # the store's own drafts carry a number sign
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


async def _changed_behaviour(
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
        name, size = folder.put_content(io.BytesIO(rows))
        told(size, key)
        found[key] = (row["fingerprint"], name)
    return found


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
    return len(state.behaviour)


_DAYS = """
SELECT formatDateTime(received_at, '%Y%m%d') AS bucket, toString(toDate(min(at))) AS first, toString(toDate(max(at))) AS last
FROM behaviour WHERE brand = {brand:UUID} GROUP BY bucket ORDER BY bucket
"""
_OF_DAY = """
SELECT * FROM behaviour FINAL WHERE brand = {brand:UUID} AND toDate(at) BETWEEN {first:Date} AND {last:Date}
AND formatDateTime(received_at, '%Y%m%d') = {bucket:String} ORDER BY name, at, message_id FORMAT Native
"""
"""The table lies by the day on which something happened: without it every day would be looked for in all of them."""


async def behaviour_by_days(
    warehouse: Warehouse, brand_id: UUID
) -> AsyncIterator[tuple[str, bytes, int, int]]:
    """What a brand's visitors did, by the day on which it was received: that day, the rows, which one it is, and of how many."""
    days = await warehouse.ask(brand_id, _DAYS)
    for at, row in enumerate(days):
        yield row["bucket"], await warehouse.read(_OF_DAY, brand=brand_id, **row), at, len(days)
