"""The ClickHouse HTTP interface as pure functions: bodies, statements, names of parameters. Knows no engine.

Source: ClickHouse documentation «HTTP Interface» and the behaviour of the stock clickhouse-connect 1.12.
"""

import gzip
import json
import re
import uuid
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from email.message import Message
from itertools import chain
from typing import Any, BinaryIO, cast

import lz4.frame
import zstandard

PIECE = 64 * 1024
BODY_LIMIT = 512 * 1024 * 1024
"""Bytes of one request as sent; decompressed it may be four times as large."""
STATEMENT_LIMIT = 64 * 1024 * 1024
HEAD_LOOK = 64 * 1024
FORMAT_SAID = re.compile(r"\bFORMAT\s+(\w+)\s*(?:SETTINGS\s[^']*)?$", re.IGNORECASE)
PYTHON_FORMATS = frozenset({"dataframe", "datastore", "arrowtable"})
"""Names that chDB's Python layer would answer with objects instead of bytes."""
NOT_SETTINGS = frozenset({
    "query", "database", "user", "password", "session_id", "session_timeout", "session_check", "query_id",
    "default_format", "compress", "decompress", "wait_end_of_query", "send_progress_in_http_headers",
    "client_protocol_version", "role", "quota_key", "enable_http_compression",
    "http_headers_progress_interval_ms", "buffer_size", "stacktrace", "close_session",
})  # fmt: skip
"""Parameters of the address that steer the transport; all others are settings or ``param_…``."""
STATUS_OF = {
    62: 400, 27: 400, 53: 400, 6: 400, 72: 400, 36: 400, 115: 400, 456: 400, 457: 400, 73: 400, 117: 400,
    47: 404, 60: 404, 81: 404, 46: 404,
    164: 403, 497: 403, 516: 403, 194: 401, 48: 501, 159: 408, 202: 503, 307: 413,
}  # fmt: skip
"""HTTP status by ClickHouse error code; 500 for the others."""


class WireError(Exception):
    """A request that is answered with a ClickHouse error code (src/Common/ErrorCodes.cpp) and one sentence."""

    def __init__(self, code: int, name: str, text: str) -> None:
        super().__init__(f"Code: {code}. DB::Exception: {text} ({name})")
        self.code = code


@dataclass(frozen=True)
class Insert:
    """An INSERT whose rows follow as data: ``head`` is the statement up to VALUES or FORMAT."""

    head: str
    format: str
    data_at: int
    """Byte at which the data begins."""


TOKEN = re.compile(
    rb"""(?P<space>\s+|--[^\n]*|\#[!\ ][^\n]*|/\*.*?\*/)
    |(?P<quoted>'(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.)*"|`(?:[^`\\]|\\.)*`|\$(?P<tag>\w*)\$.*?\$(?P=tag)\$)
    |(?P<word>[A-Za-z_]\w*)
    |(?P<other>.)""",
    re.DOTALL | re.VERBOSE,
)
AFTER_FORMAT = re.compile(rb"\s*(\w+)[ \t\f]*;?[ \t\f]*\r?\n?")


def _words(statement: bytes) -> Iterator[tuple[str, int, int]]:
    """Words and semicolons outside quotes, comments and parentheses, in capitals, with where they begin and end."""
    depth, after_dot = 0, False
    for token in TOKEN.finditer(statement):
        text = token.group()
        if token.lastgroup == "space":
            continue
        if text in b"([{":
            depth += 1
        elif text in b")]}":
            depth -= 1
        elif depth == 0 and not after_dot and (token.lastgroup == "word" or text == b";"):
            yield text.decode().upper(), token.start(), token.end()
        after_dot = text == b"."


def insert_in(statement: bytes) -> Insert | None:
    """How to read this statement as INSERT with data; None when it is another one (INSERT … SELECT included).

    Raises ``WireError`` when it is an INSERT whose end cannot be found.
    """
    words = _words(statement)
    if next(words, ("",))[0] != "INSERT":
        return None
    for word, begins, ends in words:
        if word == "VALUES":
            return Insert(text_of(statement[:begins]), "Values", ends)
        if word == "FORMAT":
            named = AFTER_FORMAT.match(statement, ends)
            if named is None:
                raise WireError(62, "SYNTAX_ERROR", "FORMAT is not followed by a name.")
            return Insert(text_of(statement[:begins]), named[1].decode(), named.end())
        if word in {"SELECT", "WITH", "EXPLAIN", "FROM"}:
            return None
    return None


def is_insert(statement: bytes) -> bool:
    """Whether the statement's first word is INSERT."""
    return next(_words(statement), ("",))[0] == "INSERT"


def only_statement(statement: bytes) -> str:
    """The text of a single statement. Raises ``WireError`` when a second one follows, as the server does."""
    if b";" in statement:
        end = 0
        for word, begins, _ in _words(statement):
            if word == ";":
                end = end or begins
            elif end:
                raise WireError(62, "SYNTAX_ERROR", "Multi-statements are not allowed.")
        if end:
            if any(
                token.lastgroup != "space" and token.group() != b";"
                for token in TOKEN.finditer(statement, end)
            ):
                raise WireError(62, "SYNTAX_ERROR", "Multi-statements are not allowed.")
            statement = statement[:end]
    return text_of(statement)


def text_of(statement: bytes) -> str:
    """The statement as text. Raises ``WireError`` when it is not UTF-8."""
    try:
        return statement.decode()
    except UnicodeDecodeError as error:
        raise WireError(62, "SYNTAX_ERROR", "The statement is not UTF-8.") from error


def literal(text: str) -> str:
    """A string literal of ClickHouse's SQL."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def name(text: str) -> str:
    """A name of a setting or parameter. Raises ``WireError`` for anything that could be more than a name."""
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.]*", text):
        raise WireError(115, "UNKNOWN_SETTING", f"{text!r} is not a name.")
    return text


def raw_body(source: BinaryIO, length: str | None, *, chunked: bool, limit: int) -> Iterator[bytes]:
    """The bytes of a request body as they arrive, never more than ``limit``.

    Raises ``WireError`` when it is too large; ``ConnectionError`` when the sender leaves half-way, so that half
    an insert is never taken for a whole one.
    """
    if not chunked:
        if length is not None and not length.isdigit():
            raise WireError(36, "BAD_ARGUMENTS", "Content-Length is not a number.")
        yield from _exactly(source, _within(int(length or 0), limit))
        return
    total = 0
    while True:
        size_text = source.readline(1024).split(b";")[0].strip()
        if not re.fullmatch(rb"[0-9A-Fa-f]{1,8}", size_text):
            raise ConnectionError("the chunked body broke off")
        size = int(size_text, 16)
        if size == 0:
            while source.readline(1024) not in {b"\r\n", b"\n", b""}:  # trailers
                continue
            return
        total = _within(total + size, limit)
        yield from _exactly(source, size)
        if source.readline(3) not in {b"\r\n", b"\n"}:
            raise ConnectionError("the chunked body broke off")


def _exactly(source: BinaryIO, size: int) -> Iterator[bytes]:
    while size:
        piece = source.read(min(size, PIECE))
        if not piece:
            raise ConnectionError("the body broke off")
        size -= len(piece)
        yield piece


def _within(size: int, limit: int) -> int:
    if size > limit:
        raise WireError(
            307, "TOO_MANY_BYTES", f"The body has more than {limit} bytes: send smaller batches."
        )
    return size


DECODERS: dict[str, Callable[[], Any]] = {
    "lz4": lz4.frame.LZ4FrameDecompressor,
    "zstd": lambda: zstandard.ZstdDecompressor().decompressobj(),
    "gzip": lambda: zlib.decompressobj(31),
    "deflate": lambda: zlib.decompressobj(15),
}
ENCODERS: dict[str, Callable[[bytes], bytes]] = {
    "zstd": lambda data: zstandard.ZstdCompressor(level=1).compress(data),
    "lz4": cast("Callable[[bytes], bytes]", lz4.frame.compress),  # pyright: ignore[reportUnknownMemberType]
    "gzip": lambda data: gzip.compress(data, 1),
}


def decoded(pieces: Iterable[bytes], encoding: str, limit: int) -> Iterator[bytes]:
    """Decompress a body, never to more than ``limit`` bytes.

    A body is any number of frames: the stock client sends one lz4 frame **per block**, and a reader that stops
    at the first end silently loses the rest. Raises ``WireError`` for bad or cut-off data.
    """
    if encoding in {"", "identity"}:
        yield from pieces
        return
    if encoding not in DECODERS:
        raise WireError(
            48,
            "NOT_IMPLEMENTED",
            f"Content-Encoding {encoding} is not supported: use lz4, zstd, gzip or deflate.",
        )
    total, frame, ended = 0, DECODERS[encoding](), True
    for piece in pieces:
        rest = piece
        while rest:
            if ended and frame.eof:
                frame = DECODERS[encoding]()
            try:
                out = frame.decompress(rest)
            except (RuntimeError, EOFError, zlib.error, zstandard.ZstdError) as error:
                raise WireError(
                    271, "CANNOT_DECOMPRESS", f"The {encoding} body is damaged."
                ) from error
            ended = frame.eof
            rest = (frame.unused_data or b"") if ended else b""
            total = _within(total + len(out), limit)
            if out:
                yield out
    if not ended:
        raise WireError(271, "CANNOT_DECOMPRESS", f"The {encoding} body is cut off.")


def encoding_for(accepted: str) -> str:
    """The compression of the answer by ``Accept-Encoding``; empty for none."""
    offers = {part.split(";")[0].strip() for part in accepted.lower().split(",")}
    return next((known for known in ENCODERS if known in offers), "")


class Request:
    """What one HTTP request asks of the engine."""

    def __init__(
        self,
        address: Mapping[str, str],
        headers: Message,
        body: Iterator[bytes],
        *,
        read_only: bool,
    ) -> None:
        get = address.get
        for flag in ("compress", "decompress"):
            if get(flag, "0") not in {"0", "false", ""}:
                raise WireError(
                    48,
                    "NOT_IMPLEMENTED",
                    f"{flag}=1 (native block compression) is not supported: use Content-Encoding.",
                )
        asked = get("query_id", "")
        self.query_id = asked if re.fullmatch(r"[\w.:-]{1,128}", asked) else str(uuid.uuid4())
        self.database = get("database") or headers.get("X-ClickHouse-Database") or ""
        self.parameters = {
            key[6:]: value for key, value in address.items() if key.startswith("param_")
        }
        self.settings = {
            key: value
            for key, value in address.items()
            if key not in NOT_SETTINGS and not key.startswith("param_")
        }
        self.read_only = read_only
        self.rows: Iterator[bytes] | None = None
        self._read(get("query", "").encode(), body)
        if self.rows is None:
            # The engine obeys the statement itself; this is for the header.
            said = FORMAT_SAID.search(self.statement[-1000:])
            self.format = (
                (said and said[1])
                or get("default_format")
                or headers.get("X-ClickHouse-Format")
                or "TabSeparated"
            )
            if self.format.lower() in PYTHON_FORMATS or not re.fullmatch(r"\w+", self.format):
                raise WireError(73, "UNKNOWN_FORMAT", f"Unknown format {self.format}.")

    def _read(self, head: bytes, body: Iterator[bytes]) -> None:
        """Find the statement, and in an INSERT the place where its rows begin; those are not read here."""
        if head:
            head += b"\n"
        ended = False
        while len(head) < HEAD_LOOK and not ended:
            piece = next(body, None)
            ended = piece is None
            head += piece or b""
        if not head.strip():
            raise WireError(62, "SYNTAX_ERROR", "Empty query.")
        insert = insert_in(head)
        while (
            insert is not None and insert.data_at >= len(head) and not ended
        ):  # the format's name may be cut off here
            piece = next(body, None)
            ended = piece is None
            head += piece or b""
            insert = insert_in(head)
        if insert is not None:
            self.statement, self.format = insert.head, insert.format
            self.rows = chain([head[insert.data_at :]], body)
            return
        parts = [head]
        size = len(head)
        for piece in body:
            size += len(piece)
            if size > STATEMENT_LIMIT:
                raise WireError(
                    307, "TOO_MANY_BYTES", f"The statement has more than {STATEMENT_LIMIT} bytes."
                )
            parts.append(piece)
        self.statement = only_statement(b"".join(parts))


class Answer:
    """Bytes for the client and what the statement did."""

    def __init__(self, body: bytes, format_name: str, **counts: int) -> None:
        self.body = body
        self.format = format_name
        self.counts = counts


def summary(answer: Answer, query_id: str, took_s: float) -> dict[str, str]:
    """The headers in which ClickHouse says what a statement did."""
    names = ("read_rows", "read_bytes", "written_rows", "written_bytes", "total_rows_to_read")
    counts = {name: str(answer.counts.get(name, 0)) for name in names}
    counts |= {
        "result_rows": counts["written_rows"],
        "result_bytes": str(len(answer.body)),
        "elapsed_ns": str(int(took_s * 1e9)),
        "query_id": query_id,
    }
    return {"X-ClickHouse-Query-Id": query_id, "X-ClickHouse-Summary": json.dumps(counts)}
