"""GET /media/{brand}/{name}/{size}.webp on the media origin: bytes that never change, for ever in every cache.

``name`` is the content's hash, or ``art-{id}`` for a picture that is still to be fetched: then it is drawn once.
"""

import asyncio
import re
from collections import OrderedDict
from typing import Any
from uuid import UUID

from siyu.goods.catalogue.actions.media import keep_files, media_key, render
from siyu.goods.catalogue.ports import plugs
from siyu.kernel.db import Database
from siyu.kernel.errors import NotFound
from siyu.kernel.files import Files
from siyu.kernel.http import send_bytes, send_problem

_PATH = re.compile(r"/media/([0-9a-f]{32})/([0-9a-f]{64}|art-[0-9a-f]{32})/(200|400|800)\.webp")
_FENCED = [
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; sandbox"),
    (b"cross-origin-resource-policy", b"cross-origin"),
    (b"access-control-allow-origin", b"*"),
]
_FOR_EVER = (b"cache-control", b"public, max-age=31536000, immutable")
_FOR_AN_HOUR = (b"cache-control", b"public, max-age=3600")
_KEPT_BYTES = 48_000_000


class MediaDoor:
    """Serves pictures, the ones asked for lately from memory."""

    def __init__(self, database: Database, files: Files) -> None:
        self._database, self._files = database, files
        self._kept: OrderedDict[str, bytes] = OrderedDict()
        self._size = 0
        self._drawing: dict[str, asyncio.Future[None]] = {}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request: 200, or 404 for whatever is not a picture of ours."""
        match = _PATH.fullmatch(scope["path"])
        if match is None or scope["method"] not in ("GET", "HEAD"):
            await send_problem(scope, send, NotFound())
            return
        brand_id, name, size = UUID(match[1]), match[2], int(match[3])
        try:
            body = await self._body(brand_id, name, size)
        except NotFound as refusal:
            await send_problem(scope, send, refusal)
            return
        caching = _FOR_AN_HOUR if name.startswith("art-") else _FOR_EVER
        headers = [*_FENCED, caching, (b"etag", f'"{name[:40]}-{size}"'.encode())]
        await send_bytes(
            send,
            200,
            body if scope["method"] == "GET" else b"",
            content_type=b"image/webp",
            headers=headers,
        )

    async def _body(self, brand_id: UUID, name: str, size: int) -> bytes:
        key = media_key(brand_id, name, size)
        if (kept := self._kept.get(key)) is not None:
            self._kept.move_to_end(key)
            return kept
        try:
            body = await self._files.get(key)
        except NotFound:
            if not name.startswith("art-"):
                raise
            await self._draw_once(brand_id, name)
            body = await self._files.get(key)
        self._kept[key] = body
        self._size += len(body)
        while self._size > _KEPT_BYTES:
            _, gone = self._kept.popitem(last=False)
            self._size -= len(gone)
        return body

    async def _draw_once(self, brand_id: UUID, name: str) -> None:
        """Draw a stand-in; those who ask meanwhile wait for the same one."""
        key = f"{brand_id}/{name}"
        waiting = self._drawing.get(key)
        if waiting is None:
            waiting = self._drawing[key] = asyncio.ensure_future(self._draw(brand_id, name))
            waiting.add_done_callback(lambda _: self._drawing.pop(key, None))
        await asyncio.shield(waiting)

    async def _draw(self, brand_id: UUID, name: str) -> None:
        media_id = UUID(name.removeprefix("art-"))
        async with self._database.raw(brand_id) as connection:
            label = await connection.fetchval("select label from media where id = $1", media_id)
        if label is None or plugs.artist is None:
            raise NotFound
        content = await asyncio.to_thread(plugs.artist.draw, media_id.hex, label)
        await keep_files(self._files, brand_id, await render(content), name)
