"""A folder of backups: every file sealed with the house's backup key, written whole or not at all, and found by name."""

import asyncio
import hashlib
import hmac
import os
import secrets
import time
from collections.abc import AsyncGenerator, Callable, Generator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO, Any, TypeVar, cast

import msgspec
import zstandard

from siyu.kernel.engines import EngineRefused, FolderLock, secret_in, sync_folder
from siyu.kernel.errors import Refusal
from siyu.kernel.sealing import Sealing, Unreadable, Unsealed

HOUSE = "house.json"
KEY = "backup.key"
PIECE = 1 << 20
T = TypeVar("T")


class NoKey(Refusal):
    """The key is not where it was looked for; ``facts``: path."""

    code = "backup.no_key"
    status = 422
    detail = (
        "The backup's key is not there. It is kept outside backups: put the file backup.key of the house that made them "
        "at this place, or name its folder with --keys."
    )


class WrongKey(Refusal):
    """These backups were sealed with another key; ``facts``: path."""

    code = "backup.wrong_key"
    status = 422
    detail = "These backups were sealed with another key. Use the backup.key of the house that made them."


class NoBackups(Refusal):
    """There is no backup in the folder, or none early enough."""

    code = "backup.none"
    status = 404
    detail = (
        "There is no backup in this folder. Name the right one with --from, or take a backup first."
    )


class UnknownBackup(NoBackups):
    """There are backups in the folder, but none of this name; ``facts``: id, newest."""

    code = "backup.unknown"
    detail = "No backup here has this name. See `siyu backup list`, or leave the name out for the newest."


class Damaged(Refusal):
    """A file of the backup was changed, cut off, or is missing; ``facts``: file."""

    code = "backup.damaged"
    status = 422
    detail = "A file of the backup is damaged or missing. Restore from another backup, or from a copy of this folder."


class InUse(Refusal):
    """Somebody else is writing backups into the folder now."""

    code = "backup.in_use"
    detail = "Somebody else is writing into this folder of backups. Try again once that is done."


class Base(msgspec.Struct, frozen=True, kw_only=True):
    """A backup that can be restored by itself. Times are UTC; ``bytes`` is what it takes up, sealed."""

    id: str
    kind: str
    """``physical`` (with the log behind it, any moment) · ``dump`` (one moment)."""
    begun_at: datetime
    finished_at: datetime
    postgres: int
    bytes: int
    chain: str = ""
    """Which run of the log it stands in."""
    wal_from: str = ""
    """The first segment it needs."""
    wal_to: str = ""
    """The last segment that was sealed when it was done; without those before, it is not consistent."""


class Folder:
    """A folder of backups, opened with its key. Names are relative paths with ``/``."""

    def __init__(self, path: Path, key: bytes) -> None:
        self.path, self._key = path, key

    @classmethod
    def open(cls, path: Path, keys: Path) -> "Folder":
        """For reading. Raises ``NoBackups``, ``NoKey``, ``WrongKey``, ``Damaged``."""
        if not (path / HOUSE).exists():
            raise NoBackups(folder=str(path))
        key_file = keys / KEY
        try:
            key = key_file.read_text().strip().encode()
        except FileNotFoundError:
            raise NoKey(path=str(key_file)) from None
        try:
            mark = msgspec.json.decode((path / HOUSE).read_bytes(), type=dict[str, Any])["mark"]
        except (msgspec.DecodeError, KeyError):
            raise Damaged(file=str(path / HOUSE)) from None
        if not hmac.compare_digest(str(mark), _mark(key)):
            raise WrongKey(path=str(key_file))
        return cls(path, key)

    @classmethod
    def make(cls, path: Path, keys: Path) -> "Folder":
        """For writing: the folder and its key (0600) are made the first time. Raises as ``open`` does."""
        if (path / HOUSE).exists():
            return cls.open(path, keys)
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
        key = _made_key(keys / KEY)
        folder = cls(path, key)
        folder.put_plain(HOUSE, msgspec.json.encode({"format": 1, "mark": _mark(key)}))
        return folder

    @contextmanager
    def alone(self, what: str, patience_s: float = 0.0) -> Generator[None]:
        """The only one who does ``what`` here for the time of the block. Raises ``InUse``."""
        try:
            lock = FolderLock.take(self.path / f".{what}.lock", "", patience_s=patience_s)
        except EngineRefused:
            raise InUse(folder=str(self.path)) from None
        try:
            yield
        finally:
            lock.release()

    @asynccontextmanager
    async def in_turn(
        self, what: str, patience_s: float, waiting: Callable[[], object] = lambda: None
    ) -> AsyncGenerator[None]:
        """``alone``, waiting without holding up the process: who is at it may be another task of this one. Raises ``InUse``.

        ``waiting`` is called while somebody else is at it, several times a second.
        """
        ends = time.monotonic() + patience_s
        while True:
            turn = self.alone(what)
            try:
                turn.__enter__()
                break
            except InUse:
                if time.monotonic() >= ends:
                    raise
            waiting()
            await asyncio.sleep(0.1)
        try:
            yield
        finally:
            turn.__exit__(None, None, None)

    def put_plain(self, name: str, content: bytes) -> None:
        """Write a file as it is."""
        with self._draft(name) as draft:
            draft.write(content)

    @contextmanager
    def writing(self, name: str) -> Generator[IO[bytes]]:
        """A file that is compressed and sealed as it is written, and there once the block ends well."""
        packer = zstandard.ZstdCompressor(level=3)
        with self._draft(name) as draft:
            sealing = Sealing(draft, self._key, _seal_name(name))
            with packer.stream_writer(cast("IO[bytes]", sealing), closefd=False) as stream:
                yield cast("IO[bytes]", stream)
            sealing.close()

    def put(self, name: str, content: bytes) -> None:
        """Write a small file. Whole or not at all, and on the disk when it returns."""
        with self.writing(name) as stream:
            stream.write(content)

    @contextmanager
    def reading(self, name: str) -> Generator[IO[bytes]]:
        """A file's content as it was written. Raises ``Damaged`` here or while reading, with the file's name."""
        with self._unsealed(name) as content:
            yield _unpacked(content)

    def read_through(self, name: str, told: Callable[[int], None]) -> None:
        """Read a file to its end; ``told`` hears how many of its bytes on the disk were passed. Raises ``Damaged``."""
        with self._unsealed(name) as content:
            stream = _unpacked(content)
            while stream.read(PIECE):
                told(content.tell())

    @contextmanager
    def _unsealed(self, name: str) -> Generator[Unsealed]:
        path = self.path / name
        try:
            with Unsealed(path.open("rb"), self._key, _seal_name(name)) as content:
                yield content
        except FileNotFoundError as error:
            if error.filename != str(path):
                raise
            raise Damaged(file=str(path)) from None
        except (Unreadable, zstandard.ZstdError, EOFError):
            raise Damaged(file=str(path)) from None

    def get(self, name: str) -> bytes:
        """The content of a small file. Raises ``Damaged``."""
        with self.reading(name) as stream:
            return stream.read()

    def get_as(self, name: str, kind: type[T]) -> T:
        """A file that holds a structure. Raises ``Damaged``."""
        try:
            return msgspec.json.decode(self.get(name), type=kind)
        except msgspec.DecodeError:
            raise Damaged(file=str(self.path / name)) from None

    def put_content(self, source: IO[bytes]) -> tuple[str, int]:
        """Keep content under its keyed hash, once however often it comes; that name and its size."""
        digest, size = hmac.new(self._key, b"content\0", hashlib.sha256), 0
        draft = f"content/.{secrets.token_hex(8)}"
        with self.writing(draft) as stream:
            while piece := source.read(PIECE):
                digest.update(piece)
                size += len(piece)
                stream.write(piece)
        name = digest.hexdigest()
        target = self.path / content_name(name)
        target.parent.mkdir(exist_ok=True, mode=0o700)
        (self.path / draft).replace(target)
        sync_folder(target.parent)
        return name, size

    def take_content(self, name: str, target: IO[bytes]) -> None:
        """Write kept content into ``target``. Raises ``Damaged`` when it is not what was kept under the name."""
        digest = hmac.new(self._key, b"content\0", hashlib.sha256)
        with self.reading(content_name(name)) as stream:
            while piece := stream.read(PIECE):
                digest.update(piece)
                target.write(piece)
        if digest.hexdigest() != name:
            raise Damaged(file=str(self.path / content_name(name)))

    def names(self, under: str) -> list[str]:
        """Files directly below a folder, by name; drafts are none."""
        place = self.path / under
        found = place.iterdir() if place.is_dir() else iter(())
        return sorted(f"{under}/{one.name}" for one in found if not one.name.startswith("."))

    def bases(self) -> list[Base]:
        """The backups that are whole, oldest first. Raises ``Damaged``."""
        whole = [name for name in self.names("bases") if (self.path / name / "about").exists()]
        return sorted(
            (self.get_as(f"{name}/about", Base) for name in whole), key=lambda one: one.finished_at
        )

    def size(self, under: str) -> int:
        """Bytes of all files below."""
        return sum(path.stat().st_size for path in _files(self.path / under))

    @contextmanager
    def _draft(self, name: str) -> Generator[IO[bytes]]:
        target = self.path / name
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = target.with_name(f".{target.name}.{os.getpid()}.{secrets.token_hex(4)}")
        try:
            with open(draft, "xb", opener=_private) as file:  # for the mode
                yield file
                file.flush()
                os.fsync(file.fileno())
            draft.replace(target)
            sync_folder(target.parent)
        finally:
            draft.unlink(missing_ok=True)


def _unpacked(content: Unsealed) -> IO[bytes]:
    unpacker = zstandard.ZstdDecompressor()
    return cast("IO[bytes]", unpacker.stream_reader(cast("IO[bytes]", content), closefd=False))


def content_name(name: str) -> str:
    """Where content of this keyed hash lies."""
    return f"content/{name[:2]}/{name}"


def _seal_name(name: str) -> str:
    """Content proves itself by its hash, and is named only once it is written; all else is bound to its place."""
    return "backup/content" if name.startswith("content/") else f"backup/{name}"


def _mark(key: bytes) -> str:
    return hmac.new(key, b"siyu backup key", hashlib.sha256).hexdigest()[:32]


def _made_key(path: Path) -> bytes:
    return secret_in(path).encode()


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _files(place: Path) -> Iterator[Path]:
    return (path for path in place.rglob("*") if path.is_file())
