"""Statements and bodies are read the way ClickHouse reads them, however they are cut."""

import io
import random

import lz4.frame
import pytest
import zstandard

from siyu.kernel.engines import clickhouse_wire as wire
from siyu.kernel.engines.clickhouse_wire import WireError


@pytest.mark.parametrize(
    ("statement", "head", "named", "data"),
    [
        (b"INSERT INTO t FORMAT CSV\n1,2\n", "INSERT INTO t ", "CSV", b"1,2\n"),
        (
            b"insert into t (values, `format`) format JSONEachRow {}",
            "insert into t (values, `format`) ",
            "JSONEachRow",
            b"{}",
        ),
        (
            b"-- note: VALUES\nINSERT INTO db.format (a) SETTINGS x='FORMAT CSV' FORMAT Native\n\x00\xff'",
            "-- note: VALUES\nINSERT INTO db.format (a) SETTINGS x='FORMAT CSV' ",
            "Native",
            b"\x00\xff'",
        ),
        (b"INSERT INTO t VALUES (1, 'FORMAT x')", "INSERT INTO t ", "Values", b" (1, 'FORMAT x')"),
        (b"INSERT INTO t FORMAT TSV;\r\n1\t2\n", "INSERT INTO t ", "TSV", b"1\t2\n"),
        (
            b"INSERT INTO FUNCTION file('x', 'CSV') FORMAT CSV\n\n1",
            "INSERT INTO FUNCTION file('x', 'CSV') ",
            "CSV",
            b"\n1",
        ),
    ],
)
def test_the_rows_of_an_insert_begin_after_its_format(statement, head, named, data):
    found = wire.insert_in(statement)
    assert found is not None
    assert (found.head, found.format, statement[found.data_at :]) == (head, named, data)


@pytest.mark.parametrize(
    "statement",
    [
        b"SELECT 1 FORMAT CSV",
        b"INSERT INTO t SELECT 1 FORMAT CSV",
        b"/* INSERT */ SELECT 'INSERT'",
        b"",
        b"insert into t with 1 as x select x",
    ],
)
def test_other_statements_have_no_rows(statement):
    assert wire.insert_in(statement) is None


def test_a_second_statement_is_found_only_outside_quotes_and_comments():
    for single in (
        b"select ';'",
        b"select 1; ",
        b"select 1 -- a;b",
        b"select `a;b`, $x$;$x$;;",
        b"select (';')",
    ):
        wire.only_statement(single)
    for double in (
        b"select 1; select 2",
        b"select 1;;x",
        b"select (1;2); drop table t",
        b"select 1;'x'",
        b"select 1; (select 2)",
    ):
        with pytest.raises(WireError, match="Multi-statements"):
            wire.only_statement(double)


@pytest.mark.parametrize(
    ("encoding", "pack"), [("lz4", lz4.frame.compress), ("zstd", zstandard.compress)]
)
def test_frames_are_joined_wherever_the_network_cuts_them(encoding, pack):
    chance = random.Random(7)
    parts = [chance.randbytes(chance.randrange(0, 5000)) for _ in range(40)]
    packed = b"".join(pack(part) for part in parts)
    pieces = []
    while packed:
        size = chance.randrange(1, 3000)
        pieces.append(packed[:size])
        packed = packed[size:]
    assert b"".join(wire.decoded(pieces, encoding, 10**9)) == b"".join(parts)
    with pytest.raises(WireError, match="271"):
        list(wire.decoded([*pieces[:-1], pieces[-1][:-1]], encoding, 10**9))
    with pytest.raises(WireError, match="307"):
        list(wire.decoded(pieces, encoding, 1000))
    with pytest.raises(WireError, match="271"):
        list(wire.decoded([b"this is not compressed"], encoding, 1000))


def test_bodies_are_bounded_and_never_taken_for_whole_when_they_break_off():
    def body(sent: bytes, length: str | None = None, limit: int = 100) -> bytes:
        return b"".join(
            wire.raw_body(io.BytesIO(sent), length, chunked=length is None, limit=limit)
        )

    assert body(b"abc", "3") == b"abc"
    assert body(b"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n") == b"abcde"
    for sent, length in (
        (b"ab", "3"),
        (b"3\r\nab", None),
        (b"3\r\nabc\r\n", None),
        (b"3\r\nabcd\r\n0\r\n\r\n", None),
        (b"", None),
        (b"-1\r\n", None),
    ):
        with pytest.raises(ConnectionError):
            body(sent, length)
    for sent, length in ((b"x" * 101, "101"), (b"65\r\n" + b"x" * 101 + b"\r\n0\r\n\r\n", None)):
        with pytest.raises(WireError, match="307"):
            body(sent, length)
