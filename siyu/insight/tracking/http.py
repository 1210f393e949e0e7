"""Segment's doors, as raw ASGI: ``/v1/batch`` and one per type. The stock clients work unmodified.

Answers: 200 ``{"success": true}`` once kept; 400 (clients drop it), 401 (clients stop), 413, 429 and 5xx (clients
send again). Form and limits: Segment, HTTP Tracking API source.
"""

import base64
import binascii
import time
import zlib
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from siyu.insight.tracking import rules
from siyu.insight.tracking.actions import Intake
from siyu.kernel import clock, vault
from siyu.kernel.db import Database
from siyu.kernel.directory import brand_named
from siyu.kernel.errors import Busy, NotFound, Refusal
from siyu.kernel.http import read_body, send_bytes, send_problem
from siyu.kernel.ids import new_id
from siyu.kernel.news import News

_batch = msgspec.json.Decoder(rules.Batch, strict=False)
_single = msgspec.json.Decoder(rules.Message, strict=False)
_key_of = msgspec.json.Decoder(type=dict[str, msgspec.Raw])
_CORS = [
    (b"access-control-allow-origin", b"*"),
    (
        b"access-control-allow-headers",
        b"authorization, content-type, content-encoding, x-retry-count, x-siyu-link",
    ),
    (b"access-control-allow-methods", b"POST"),
    (b"access-control-max-age", b"86400"),
]
_KEPT = b'{"success":true}'
_KEY_TTL_S = 30


class Tracking:
    """The doors of one process: finds the brand by write key, cleans messages, waits until they are on disk."""

    def __init__(self, database: Database, intake: Intake, news: News) -> None:
        self._database, self._intake = database, intake
        self._keys: dict[str, tuple[UUID | None, float]] = {}
        news.hear("write_keys", lambda _, __: self._keys.clear())

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one request below ``/v1/``."""
        kind = scope["path"].rstrip("/").rsplit("/", 1)[-1]
        if scope["method"] == "OPTIONS":
            await send_bytes(send, 204, b"", headers=_CORS)
            return
        if kind not in rules.MANY and kind not in rules.TYPES:
            await send_problem(scope, _with_cors(send), NotFound(path=scope["path"]))
            return
        try:
            await self._take(scope, receive, kind)
        except Refusal as refusal:
            await send_problem(scope, _with_cors(send), refusal)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            away = Busy(
                "The database is being restarted. Nothing was kept; send it again shortly.",
                retry_after_s=2,
            )
            await send_problem(scope, _with_cors(send), away)
        else:
            await send_bytes(send, 200, _KEPT, headers=_CORS)

    async def _take(self, scope: Any, receive: Any, kind: str) -> None:
        headers = dict(scope["headers"])
        body = await read_body(receive, rules.MAX_BATCH_BYTES)
        if headers.get(b"content-encoding", b"").lower() == b"gzip":
            body = _unzipped(body)
        received = clock.now()
        try:
            if kind in rules.MANY:
                batch = _batch.decode(body)
                messages, sent_at, key = batch.batch, rules.instant(batch.sentAt), batch.writeKey
                fallback = ""
            else:
                if len(body) > rules.MAX_EVENT_BYTES:
                    raise rules.Malformed("A single message may have 32 KB at most.")
                message = _single.decode(body)
                members = _key_of.decode(body)
                messages, fallback = [message], kind
                sent_at = rules.instant(_plain(members.get("sentAt")))
                key = _plain(members.get("writeKey"))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise rules.Malformed(f"This is not a Segment message: {error}") from None
        brand_id = await self._brand(_basic(headers.get(b"authorization")) or key or "")
        secret = vault.brand_key(brand_id, "tracking.identity")
        kept = [
            rules.kept(
                one,
                fallback_type=fallback,
                fallback_id="" if one.messageId else new_id().hex,
                received=received,
                sent_at=sent_at,
                secret=secret,
            )
            for one in messages
        ]
        if kept:
            await self._intake.keep(brand_id, kept)

    async def _brand(self, key: str) -> UUID:
        found, until = self._keys.get(key, (None, 0.0))
        if until < time.monotonic():
            async with self._database.dispatcher() as connection:
                found = await brand_named(connection, "write_key", key[:100])
            if len(self._keys) > 10_000:
                self._keys.clear()
            self._keys[key] = (found, time.monotonic() + _KEY_TTL_S)
        if found is None:
            raise rules.BadWriteKey
        return found


def _with_cors(send: Any) -> Any:
    async def sending(message: Any) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message["headers"], *_CORS]}
        await send(message)

    return sending


def _basic(header: bytes | None) -> str | None:
    if not header or not header.lower().startswith(b"basic "):
        return None
    try:
        return base64.b64decode(header[6:], validate=True).decode().split(":", 1)[0]
    except (binascii.Error, UnicodeDecodeError):
        return None


def _plain(raw: msgspec.Raw | None) -> str | None:
    if raw is None:
        return None
    value = msgspec.json.decode(raw)
    return value if isinstance(value, str) else None


def _unzipped(body: bytes) -> bytes:
    """Unpack gzip, never beyond the largest batch. Raises ``Malformed``, ``TooLarge``."""
    unpack = zlib.decompressobj(16 + zlib.MAX_WBITS)
    try:
        plain = unpack.decompress(body, rules.MAX_BATCH_BYTES + 1)
    except zlib.error:
        raise rules.Malformed("The body says gzip and is not.") from None
    if len(plain) > rules.MAX_BATCH_BYTES:
        raise rules.Malformed("A batch may have 500 KB at most, unpacked.")
    return plain
