"""Files of brands: pictures, imports, reports – in a folder, or in an object store by URL."""

from collections.abc import AsyncIterator
from pathlib import Path

import obstore
from obstore.exceptions import NotFoundError
from obstore.store import LocalStore, ObjectStore, from_url

from siyu.kernel.errors import NotFound


class Files:
    """A flat store of bytes by key, ``{brand_id}/media/{hash}/800.webp``. A put is whole or not at all."""

    def __init__(self, where: Path | str) -> None:
        """``where``: a folder (made when missing) or an object store's URL (``s3://…``)."""
        self._store: ObjectStore
        if isinstance(where, Path):
            where.mkdir(parents=True, exist_ok=True)
            self._store = LocalStore(where)
        else:
            self._store = from_url(where)

    async def put(self, key: str, content: bytes) -> None:
        """Keep ``content`` under ``key``, replacing what was there."""
        await obstore.put_async(self._store, _checked(key), content)

    async def get(self, key: str) -> bytes:
        """The content. Raises ``NotFound``."""
        try:
            found = await obstore.get_async(self._store, _checked(key))
        except (NotFoundError, FileNotFoundError):
            raise NotFound(key=key) from None
        return bytes(await found.bytes_async())

    async def stream(self, key: str, chunk_bytes: int = 1 << 20) -> AsyncIterator[bytes]:
        """The content piece by piece. Raises ``NotFound``."""
        try:
            found = await obstore.get_async(self._store, _checked(key))
        except (NotFoundError, FileNotFoundError):
            raise NotFound(key=key) from None
        async for chunk in found.stream(min_chunk_size=chunk_bytes):
            yield bytes(chunk)

    async def exists(self, key: str) -> bool:
        """Whether there is something under ``key``."""
        try:
            await obstore.head_async(self._store, _checked(key))
        except (NotFoundError, FileNotFoundError):
            return False
        return True

    async def delete(self, key: str) -> None:
        """Forget ``key``; nothing there is no matter."""
        try:
            await obstore.delete_async(self._store, _checked(key))
        except (NotFoundError, FileNotFoundError):
            return


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
