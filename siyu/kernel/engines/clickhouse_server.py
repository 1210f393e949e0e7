"""ClickHouse over HTTP on chDB: ``python -m siyu.kernel.engines.clickhouse_server --data DIR --port P --key-file F``.

One process per data folder. The program and stock ClickHouse clients talk to it as they would to a server of
ClickHouse's own, so that production only changes a URL. Each request gets its own chDB connection (0.2 ms):
settings, database and parameters of one request never reach another.

Like the real one: statements, settings, bound parameters (``param_x``), formats, streamed inserts, compression
both ways, error codes, GET is read-only, one statement per request. Unlike it: ``session_id`` is accepted but
keeps no temporary tables, no external data, no native block compression (``compress=1``), no KILL QUERY.
"""

import argparse
import base64
import binascii
import contextlib
import hmac
import os
import re
import signal
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from email import message_from_bytes
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NoReturn, cast
from urllib.parse import parse_qsl, urlsplit

import structlog

from siyu.kernel.engines import clickhouse_wire as wire
from siyu.kernel.engines import host
from siyu.kernel.engines.clickhouse_wire import BODY_LIMIT, Answer, Request, WireError, summary
from siyu.kernel.engines.host import EngineRefused
from siyu.kernel.engines.signals import Signals
from siyu.kernel.engines.supervisor import stand_back

log = structlog.get_logger("siyu.clickhouse")

LIKE_A_SERVER = {"implicit_select": "0", "allow_introspection_functions": "0"}
"""Settings in which chDB's defaults differ from those of a ClickHouse server."""
FEED = 4 * 1024 * 1024
DRAIN = 64 * 1024 * 1024
"""Bytes of a refused body that are still read; beyond, the connection is closed."""


class Engine:
    """chDB on one folder: a bounded number of statements at a time."""

    def __init__(self, folder: Path, at_once: int, patience_s: float) -> None:
        import chdb  # noqa: PLC0415  # half a gigabyte: only in the process that serves it

        self._connect = lambda: cast("Any", chdb).connect(str(folder))
        self._anchor = self._connect()  # closing the last connection would close the database
        self._free = threading.BoundedSemaphore(at_once)
        self._patience_s = patience_s

    def run(self, request: Request) -> Answer:
        """Run one statement with its own settings. Raises ``WireError`` or chDB's own errors («Code: N …»)."""
        if not self._free.acquire(timeout=self._patience_s):
            raise WireError(
                202,
                "TOO_MANY_SIMULTANEOUS_QUERIES",
                "Too many statements at once: try again shortly.",
            )
        try:
            connection = self._connect()
            try:
                return self._run(connection, request)
            finally:
                connection.close()
        finally:
            self._free.release()

    def _run(self, connection: Any, request: Request) -> Answer:
        settings = LIKE_A_SERVER | request.settings
        prepare = [f"{wire.name(name)}={wire.literal(value)}" for name, value in settings.items()]
        prepare += [
            f"param_{wire.name(name)}={wire.literal(value)}"
            for name, value in request.parameters.items()
        ]
        connection.query("SET " + ", ".join(prepare))
        if request.database:
            connection.query(f"USE `{request.database.replace('`', '')}`")
        if request.read_only:
            connection.query("SET readonly=2")
        if request.rows is not None:
            return self._insert(connection, request)
        result = connection.query(request.statement, request.format)
        if result is None:
            return Answer(b"", request.format)
        return Answer(
            result.bytes(),
            request.format,
            read_rows=int(result.rows_read()),
            read_bytes=int(result.bytes_read()),
        )

    @staticmethod
    def _insert(connection: Any, request: Request) -> Answer:
        """Feed the rows as they arrive; an incomplete body is never committed.

        Of an insert larger than a block (about a million rows) earlier blocks may stay, as in ClickHouse.
        """
        assert request.rows is not None
        with connection.send_insert(request.statement, request.format) as inserter:
            held: list[bytes] = []
            size = 0
            for piece in request.rows:
                held.append(piece)
                size += len(piece)
                if size >= FEED:
                    inserter.append(b"".join(held))
                    held, size = [], 0
            if held:
                inserter.append(b"".join(held))
            done = inserter.finish()
        return Answer(
            b"",
            request.format,
            written_rows=int(done.rows_written),
            written_bytes=int(done.bytes_written),
        )

    def close(self) -> None:
        """Close the database; acknowledged rows are on disk already."""
        self._anchor.close()


class Server(ThreadingHTTPServer):
    """The listening socket with what every request needs."""

    daemon_threads = True
    request_queue_size = 512

    def __init__(self, port: int, engine: Engine, user: str, key: str) -> None:
        self.engine = engine
        self.user = user
        self.key = key
        self.busy = 0
        self.guard = threading.Lock()
        super().__init__((host.LOOPBACK, port), Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:  # named by the library
        error = sys.exception() if sys.version_info >= (3, 12) else sys.exc_info()[1]
        if not isinstance(error, ConnectionError | TimeoutError):
            log.error("clickhouse_request_broke", error=repr(error))


class Handler(BaseHTTPRequestHandler):
    """One client connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 1 << 16
    timeout = 300  # seconds without a byte
    server: Server  # pyright: ignore[reportIncompatibleVariableOverride]

    def do_GET(self) -> None:
        self._answer(read_only=True)

    def do_POST(self) -> None:
        self._answer(read_only=False)

    def log_message(self, format: str, *args: Any) -> None:  # named by the library
        """Say nothing: statements may hold personal data."""

    def _answer(self, *, read_only: bool) -> None:
        with self.server.guard:
            self.server.busy += 1
        try:
            self._speak(read_only=read_only)
        finally:
            with self.server.guard:
                self.server.busy -= 1

    def _speak(self, *, read_only: bool) -> None:
        chunked = "chunked" in (self.headers.get("Transfer-Encoding") or "").lower()
        source = cast("Any", self.rfile)
        self.body_ended = False
        raw = self._followed(
            wire.raw_body(
                source, self.headers.get("Content-Length"), chunked=chunked, limit=BODY_LIMIT
            )
        )
        query_id, began = "", time.monotonic()
        try:
            address = urlsplit(self.path)
            given = dict(parse_qsl(address.query, keep_blank_values=True))
            if address.path == "/ping":
                return self._send(200, b"Ok.\n", {})
            if address.path != "/":
                return self._send(404, b"There is no such handler.\n", {})
            self._admit(given)
            body = wire.decoded(raw, self.headers.get("Content-Encoding") or "", 4 * BODY_LIMIT)
            given, body = self._with_form(given, body)
            if self.command == "GET" and "query" not in given:
                return self._send(200, b"Ok.\n", {})
            request = Request(given, self.headers, body, read_only=read_only)
            query_id = request.query_id
            answer = self.server.engine.run(request)
            facts = summary(answer, query_id, time.monotonic() - began)
            return self._send(
                200,
                answer.body,
                {**facts, "X-ClickHouse-Format": answer.format},
                squeeze=given.get("enable_http_compression") == "1",
            )
        except (ConnectionError, TimeoutError):
            self.close_connection = True
            raise
        except Exception as error:  # noqa: BLE001  # chDB raises RuntimeError, ValueError and its own; all go to the client
            self._refuse(error, query_id)
        finally:
            self._drain(raw)

    def _followed(self, raw: Iterator[bytes]) -> Iterator[bytes]:
        """The same pieces, with a note once the last one was read."""
        yield from raw
        self.body_ended = True

    def _drain(self, raw: Iterator[bytes]) -> None:
        """Read what the client still sends, or the next request on this connection would begin in its middle."""
        left = DRAIN
        with contextlib.suppress(ConnectionError, TimeoutError, WireError):
            while left > 0 and not self.body_ended:
                left -= len(next(raw, b"")) or left
        self.close_connection = self.close_connection or not self.body_ended

    def _admit(self, given: Mapping[str, str]) -> None:
        """Raise ``WireError`` 516 unless user and key are right; header before Basic before address."""
        headers = self.headers
        basic = (headers.get("Authorization") or "").partition(" ")
        user, key = given.get("user", "default"), given.get("password", "")
        if (
            headers.get("X-ClickHouse-Key") is not None
            or headers.get("X-ClickHouse-User") is not None
        ):
            user, key = (
                headers.get("X-ClickHouse-User") or "default",
                headers.get("X-ClickHouse-Key") or "",
            )
        elif basic[0].lower() == "basic":
            try:
                user, _, key = base64.b64decode(basic[2], validate=True).decode().partition(":")
            except (binascii.Error, UnicodeDecodeError):
                user, key = "", ""
        right_user = hmac.compare_digest(user.encode(), self.server.user.encode())
        right_key = hmac.compare_digest(key.encode(), self.server.key.encode())
        if not (right_user and right_key):
            raise WireError(
                516,
                "AUTHENTICATION_FAILED",
                "Authentication failed: password is incorrect, or there is no user with such name.",
            )

    def _with_form(
        self, given: dict[str, str], body: Iterator[bytes]
    ) -> tuple[dict[str, str], Iterator[bytes]]:
        """Parameters that came as a multipart form instead of in the address."""
        kind = self.headers.get("Content-Type") or ""
        if not kind.startswith("multipart/form-data"):
            return given, body
        form = message_from_bytes(b"Content-Type: " + kind.encode() + b"\r\n\r\n" + b"".join(body))
        fields: dict[str, str] = {}
        for part in cast("list[Any]", form.get_payload()) if form.is_multipart() else []:
            if part.get_filename():
                raise WireError(
                    48,
                    "NOT_IMPLEMENTED",
                    "External data is not supported: insert it into a table first.",
                )
            fields[str(part.get_param("name", header="content-disposition"))] = part.get_payload(
                decode=True
            ).decode()
        return given | fields, iter(())

    def _refuse(self, error: Exception, query_id: str) -> None:
        found = re.search(r"Code: (\d+)", str(error))
        code = int(found[1]) if found else 1002
        text = (
            str(error)
            if found
            else f"Code: 1002. DB::Exception: {type(error).__name__}: {error} (UNKNOWN_EXCEPTION)"
        )
        log.info("clickhouse_statement_failed", code=code, query_id=query_id)
        self._send(
            wire.STATUS_OF.get(code, 500),
            text.encode() + b"\n",
            {"X-ClickHouse-Exception-Code": str(code), "X-ClickHouse-Query-Id": query_id},
        )

    def _send(
        self, status: int, body: bytes, facts: Mapping[str, str], *, squeeze: bool = False
    ) -> None:
        encoding = (
            wire.encoding_for(self.headers.get("Accept-Encoding") or "")
            if squeeze and len(body) > 1024
            else ""
        )
        if encoding:
            body = wire.ENCODERS[encoding](body)
        self.send_response(status)
        self.send_header(
            "Content-Type",
            "application/octet-stream"
            if "X-ClickHouse-Format" in facts
            else "text/plain; charset=UTF-8",
        )
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-ClickHouse-Server-Display-Name", "siyu")
        self.send_header("X-ClickHouse-Timezone", "UTC")
        if encoding:
            self.send_header("Content-Encoding", encoding)
        for name, value in facts.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()


def serve(folder: Path, port: int, user: str, key: str, at_once: int) -> None:
    """Serve until SIGTERM or SIGINT, then finish what runs (at most 8 s) and leave. Raises ``EngineRefused``."""
    if not key:
        raise EngineRefused(
            "The ClickHouse endpoint has no key: give --key-file or set SIYU_CLICKHOUSE_KEY."
        )
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise host.not_writable(folder, error) from error
    lock = host.FolderLock.take(
        folder.with_name(f"{folder.name}.lock"), f"The ClickHouse data in {folder}", patience_s=3.0
    )
    lock.note()
    if not os.access(folder, os.W_OK | os.X_OK):
        raise host.not_writable(folder, PermissionError(13, "Permission denied"))
    host.check_port(port, "ClickHouse", patience_s=host.LAST_BREATH_S)
    engine = Engine(folder, at_once, patience_s=30.0)
    server = Server(port, engine, user, key)
    # After chDB, which may set handlers of its own.
    with Signals(signal.SIGTERM, signal.SIGINT) as signals:
        threading.Thread(
            target=server.serve_forever,
            kwargs={"poll_interval": 0.1},
            name="clickhouse-http",
            daemon=True,
        ).start()
        stand_back()
        log.info("clickhouse_ready", port=port, data_dir=str(folder))
        parent = os.getppid()
        while not signals.wait(1.0) and os.getppid() == parent:
            pass
        server.shutdown()
        server.server_close()
        host.wait_until(lambda: server.busy == 0, 8.0)
        engine.close()
        log.info("clickhouse_stopped")


def main() -> NoReturn:
    """Entry of the process. Leaves with status 2 and one sentence when it cannot serve."""
    words = argparse.ArgumentParser(description="ClickHouse over HTTP on chDB, on loopback")
    words.add_argument("--data", type=Path, required=True)
    words.add_argument("--port", type=int, required=True)
    words.add_argument("--user", default="default")
    words.add_argument(
        "--key-file", type=Path, help="file of mode 0600; otherwise SIYU_CLICKHOUSE_KEY"
    )
    words.add_argument(
        "--at-once", type=int, default=8, help="statements that run at the same time"
    )
    chosen = words.parse_args()
    try:
        key = (
            host.secret_in(chosen.key_file)
            if chosen.key_file
            else os.environ.pop("SIYU_CLICKHOUSE_KEY", "")
        )
        serve(chosen.data.absolute(), chosen.port, chosen.user, key, chosen.at_once)
    except EngineRefused as error:
        print(error, file=sys.stderr, flush=True)  # noqa: T201  # to whoever started it
        os._exit(2)
    sys.stdout.flush()
    # chDB's threads have nothing left to do, and its own exit handlers may wait for them.
    os._exit(0)


if __name__ == "__main__":
    main()
