"""Files of brands: pictures, imports, reports – in a folder, or in an object store by URL.

What a brand's people handed in and what is reported about it (``SEALED``) lies there sealed with the house's key.
"""

import asyncio
import io
import shutil
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import IO

import obstore
from obstore.exceptions import NotFoundError
from obstore.store import LocalStore, ObjectStore, from_url

from siyu.kernel.errors import NotFound
from siyu.kernel.sealing import Unsealed, seal, seal_stream, unseal, unseal_stream

SEALED = frozenset({"imports", "jobs"})
"""Second parts of keys, ``{brand_id}/imports/…``, whose content is never kept readable."""

_PART = 5 << 20
"""The least that object stores take as a part of something larger."""


class LocalFile:
    """A file's content within reach of plain code: opened any number of times, read from any place."""

    def __init__(self, path: Path, secret: bytes, key: str) -> None:
        self._path, self._secret, self._key = path, secret, key
        self.name = key.rpartition("/")[2]
        with self._path.open("rb") as file:
            self.size = Unsealed(file, secret, key).size if _is_sealed(key) else path.stat().st_size

    def open(self) -> IO[bytes]:
        """The content from its beginning. Raises ``Unreadable`` here or while reading."""
        file = self._path.open("rb")
        return (
            io.BufferedReader(Unsealed(file, self._secret, self._key))
            if _is_sealed(self._key)
            else file
        )


class Files:
    """A flat store of bytes by key, ``{brand_id}/media/{hash}/800.webp``. A put is whole or not at all."""

    def __init__(self, where: Path | str, secret: bytes = b"") -> None:
        """``where``: a folder (made when missing) or an object store's URL (``s3://…``).

        ``secret`` seals: whoever loses it has lost what is sealed. Without one, nothing can be sealed.
        """
        self._store: ObjectStore
        self._secret = secret
        self._folder = where if isinstance(where, Path) else None
        if isinstance(where, Path):
            where.mkdir(parents=True, exist_ok=True)
            self._store = LocalStore(where)
        else:
            self._store = from_url(where)

    async def put(self, key: str, content: bytes) -> None:
        """Keep ``content`` under ``key``, replacing what was there."""
        _checked(key)
        if _is_sealed(key):
            assert self._secret, "what is sealed needs a secret"
            content = await asyncio.to_thread(seal, self._secret, key, content)
        await obstore.put_async(self._store, key, content)

    async def put_stream(self, key: str, pieces: AsyncIterator[bytes]) -> None:
        """``put`` of content that comes in pieces: whole or not at all, and never more of it in memory than a few."""
        _checked(key)
        if _is_sealed(key):
            assert self._secret, "what is sealed needs a secret"
            pieces = seal_stream(self._secret, key, pieces)
        await obstore.put_async(
            self._store, key, pieces, use_multipart=True, chunk_size=_PART, max_concurrency=1
        )

    async def get(self, key: str) -> bytes:
        """The content. Raises ``NotFound``, ``Unreadable``."""
        try:
            found = await obstore.get_async(self._store, _checked(key))
        except (NotFoundError, FileNotFoundError):
            raise NotFound(key=key) from None
        content = bytes(await found.bytes_async())
        if _is_sealed(key):
            content = await asyncio.to_thread(unseal, self._secret, key, content)
        return content

    async def stream(self, key: str, chunk_bytes: int = 1 << 20) -> AsyncIterator[bytes]:
        """The content piece by piece. Raises ``NotFound``, ``Unreadable``."""
        pieces = self._pieces(key, chunk_bytes)
        if _is_sealed(key):
            pieces = unseal_stream(self._secret, key, pieces)
        async for piece in pieces:
            yield piece

    async def _pieces(self, key: str, chunk_bytes: int) -> AsyncIterator[bytes]:
        try:
            found = await obstore.get_async(self._store, _checked(key))
        except (NotFoundError, FileNotFoundError):
            raise NotFound(key=key) from None
        async for chunk in found.stream(min_chunk_size=chunk_bytes):
            yield bytes(chunk)

    @asynccontextmanager
    async def local(self, key: str) -> AsyncGenerator[LocalFile]:
        """The content on this machine for the time of the block; what is sealed stays so on the disk.

        Raises ``NotFound``, ``Unreadable``.
        """
        with tempfile.TemporaryDirectory(prefix="siyu-file-") as folder:
            path = Path(folder) / "content"
            with path.open("wb") as file:
                async for piece in self._pieces(key, 1 << 20):
                    await asyncio.to_thread(file.write, piece)
            yield await asyncio.to_thread(LocalFile, path, self._secret, key)

    async def exists(self, key: str) -> bool:
        """Whether there is something under ``key``."""
        try:
            await obstore.head_async(self._store, _checked(key))
        except (NotFoundError, FileNotFoundError):
            return False
        return True

    async def keys(self, under: str) -> AsyncIterator[str]:
        """All keys that begin with ``under``, a whole part of them, ``{brand_id}/``."""
        found = obstore.list(self._store, under.rstrip("/"))  # pyright: ignore[reportUnknownMemberType]
        async for some in found:
            for one in some:
                yield one["path"]

    async def delete(self, key: str) -> None:
        """Forget ``key``; nothing there is no matter."""
        try:
            await obstore.delete_async(self._store, _checked(key))
        except (NotFoundError, FileNotFoundError):
            return

    async def clear(self, under: str) -> None:
        """Forget all keys that begin with ``under``, a whole part of them, and what was cut off while it was put there."""
        async for key in self.keys(_checked(under)):
            await self.delete(key)
        if self._folder is not None:  # what was being put lies there under a name that is no key
            await asyncio.to_thread(shutil.rmtree, self._folder / under, ignore_errors=True)


def _is_sealed(key: str) -> bool:
    return not SEALED.isdisjoint(key.split("/", 2)[1:2])


def _checked(key: str) -> str:
    parts = key.split("/")
    if (
        key.startswith("/")
        or "\\" in key
        or "\0" in key
        or any(part in ("", ".", "..") for part in parts)
    ):
        raise NotFound(key=key)
    return key
