"""ClickHouse over HTTP. Only this module sends SQL there, and every question is bound to one brand."""

from collections.abc import Sequence
from typing import Any, cast
from urllib.parse import unquote, urlsplit
from uuid import UUID

import httpx
import msgspec

from siyu.kernel import tracing
from siyu.kernel.egress import trusted
from siyu.kernel.errors import Busy
from siyu.kernel.ids import new_id


class WarehouseAway(Busy):
    """The analysis engine does not answer; figures come back when it does."""

    code = "warehouse.away"
    detail = "The analysis engine does not answer right now. Orders and payments go on; figures come back by themselves."


class Warehouse:
    """A client of one ClickHouse (embedded or a cluster), by URL."""

    def __init__(self, url: str) -> None:
        """``url``: ``http://user:password@host:port/database``."""
        parts = urlsplit(url)
        self._database = parts.path.strip("/") or "default"
        port = f":{parts.port}" if parts.port else ""
        self._client = httpx.AsyncClient(
            base_url=f"{parts.scheme}://{parts.hostname}{port}",
            headers={
                "X-ClickHouse-User": unquote(parts.username or "default"),
                "X-ClickHouse-Key": unquote(parts.password or ""),
            },
            timeout=httpx.Timeout(60, connect=5),
            trust_env=False,
            verify=trusted(),
            limits=httpx.Limits(max_connections=8),
        )

    async def close(self) -> None:
        """Drop the connections."""
        await self._client.aclose()

    async def ask(self, brand_id: UUID, sql: str, **parameters: Any) -> list[dict[str, Any]]:
        """Rows as dicts. ``sql`` names ``{brand:UUID}``; parameters are bound as ``{name:Type}``.

        Raises ``WarehouseAway``.
        """
        assert "{brand:UUID}" in sql, "a question to the warehouse names its brand"
        bound = {
            "param_brand": str(brand_id),
            **{f"param_{name}": _text(value) for name, value in parameters.items()},
        }
        answer = await self._send(sql + " FORMAT JSONEachRow", bound)
        return [msgspec.json.decode(line) for line in answer.splitlines() if line]

    async def insert(
        self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]], *, token: str = ""
    ) -> None:
        """Insert rows (parallel to ``columns``); with a token, the same list again changes nothing. Raises ``WarehouseAway``."""
        if not rows:
            return
        body = _encoder.encode_lines(rows)
        # Without a token of its own a block would be dropped for being equal to an earlier one; a rebuild repeats them.
        settings = {"insert_deduplication_token": token or new_id().hex}
        question = f"INSERT INTO {table} ({', '.join(columns)}) FORMAT JSONCompactEachRow"
        with tracing.span(f"insert {table}", {"siyu.rows": len(rows)}, kind=tracing.CLIENT):
            await self._send(question, settings, body)

    async def command(self, sql: str, **parameters: Any) -> None:
        """Run a statement without an answer (DDL, deletes). Raises ``WarehouseAway``."""
        await self._send(sql, {f"param_{name}": _text(value) for name, value in parameters.items()})

    async def read(self, sql: str, **parameters: Any) -> bytes:
        """The answer of a statement as it comes, of all brands: for backups. Raises ``WarehouseAway``."""
        return await self._send(
            sql, {f"param_{name}": _text(value) for name, value in parameters.items()}
        )

    async def write(self, sql: str, content: bytes) -> None:
        """Run an insert with its rows in the format that it names; again it may double them. Raises ``WarehouseAway``."""
        if content:
            await self._send(sql, {"insert_deduplication_token": new_id().hex}, content)

    async def alive(self) -> bool:
        """Whether it answers."""
        try:
            return (await self._client.get("/ping", timeout=3)).status_code == 200
        except httpx.HTTPError:
            return False

    async def _send(self, sql: str, parameters: dict[str, str], body: bytes = b"") -> bytes:
        try:
            if body:
                answer = await self._client.post(
                    "/",
                    params={"query": sql, "database": self._database, **parameters},
                    content=body,
                )
            else:
                answer = await self._client.post(
                    "/", params={"database": self._database, **parameters}, content=sql.encode()
                )
        except httpx.HTTPError as error:
            raise WarehouseAway(why=type(error).__name__, retry_after_s=2) from error
        if answer.status_code != 200:
            raise RuntimeError(f"ClickHouse refused: {answer.text[:500]}")
        return answer.content


_encoder = msgspec.json.Encoder()
_ESCAPED = str.maketrans(
    {"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r", "\0": "\\0", "'": "\\'"}
)


def _text(value: Any) -> str:
    """A value as ClickHouse reads parameters: TSV's escapes, once more inside the quotes of a list."""
    if isinstance(value, list | tuple):
        parts = cast("Sequence[Any]", value)
        inner = ",".join("'" + str(part).translate(_ESCAPED) + "'" for part in parts)
        return f"[{inner}]".translate(_ESCAPED | {ord("'"): "'"})
    return str(value).translate(_ESCAPED | {ord("'"): "'"})
