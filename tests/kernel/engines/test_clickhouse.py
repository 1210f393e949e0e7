"""The embedded ClickHouse endpoint is to stock clients what ClickHouse is, and keeps what it acknowledged."""

import gzip
import http.client
import json
import os
import signal
import socket
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import clickhouse_connect
import lz4.frame
import pytest
import zstandard
from clickhouse_connect.driver.exceptions import DatabaseError

from siyu.kernel.engines import EngineRefused, RunningClickHouse, start_clickhouse

ROWS = 300_000


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory) -> Iterator[RunningClickHouse]:
    with start_clickhouse(tmp_path_factory.mktemp("ch") / "clickhouse") as running:
        yield running


@pytest.fixture
def client(endpoint):
    client = connect(endpoint)
    client.command("create database if not exists shop")
    yield client
    client.close()


def connect(endpoint: RunningClickHouse, **options):
    return clickhouse_connect.get_client(
        dsn=endpoint.url(), autogenerate_session_id=False, **options
    )


def post(
    endpoint: RunningClickHouse,
    statement: str,
    body: bytes = b"",
    headers: dict[str, str] | None = None,
    method: str = "POST",
    **given: str,
):
    """Speak HTTP by hand; answers (status, error code, body)."""
    address = f"http://127.0.0.1:{endpoint.port}/?" + urllib.parse.urlencode(
        {"query": statement, **given}
    )
    signed = (
        {"X-ClickHouse-User": "default", "X-ClickHouse-Key": endpoint.key}
        if headers is None
        else {}
    )
    request = urllib.request.Request(
        address,
        data=body if method == "POST" else None,
        headers={**signed, **(headers or {})},
        method=method,
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, None, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, int(error.headers.get("X-ClickHouse-Exception-Code", 0)), error.read()


def signed(endpoint: RunningClickHouse, **headers: str) -> dict[str, str]:
    return {"X-ClickHouse-User": "default", "X-ClickHouse-Key": endpoint.key, **headers}


def fresh(client, columns: str = "n UInt64, s String", settings: str = "") -> str:
    client.command("drop table if exists shop.t sync")
    client.command(
        f"create table shop.t ({columns}) engine = MergeTree order by tuple() {settings}"
    )
    return "shop.t"


@pytest.mark.parametrize("compress", ["lz4", "zstd", "gzip", False])
def test_every_row_of_a_large_native_insert_arrives(endpoint, client, compress):
    table = fresh(client)
    sender = connect(endpoint, compress=compress)
    done = sender.insert(
        table,
        [range(ROWS), [f"名{n}" for n in range(ROWS)]],
        column_names=["n", "s"],
        column_oriented=True,
    )
    assert done.written_rows == ROWS
    assert client.query(f"select count(), sum(n), uniqExact(s) from {table}").result_rows == [
        (ROWS, ROWS * (ROWS - 1) // 2, ROWS)
    ]
    got = sender.query(f"select n, s from {table} order by n").result_columns
    assert len(got[0]) == ROWS and got[1][-1] == f"名{ROWS - 1}"


def test_every_row_of_a_large_arrow_insert_arrives(client):
    pyarrow = pytest.importorskip("pyarrow")
    table = fresh(client)
    rows = pyarrow.table(
        {"n": pyarrow.array(range(ROWS), pyarrow.uint64()), "s": [f"名{n}" for n in range(ROWS)]}
    )
    assert client.insert_arrow(table, rows).written_rows == ROWS
    assert client.query(f"select count(), uniqExact(n) from {table}").result_rows == [(ROWS, ROWS)]
    assert client.query_arrow(f"select n from {table}").num_rows == ROWS


@pytest.mark.parametrize(
    ("encoding", "packed"),
    [
        ("lz4", lz4.frame.compress),
        ("zstd", zstandard.compress),
        ("gzip", gzip.compress),
        ("", bytes),
    ],
)
def test_a_body_of_many_frames_is_read_to_its_end(endpoint, client, encoding, packed):
    table = fresh(client)
    body = b"".join(
        packed("".join(f"{n}\tx\n" for n in range(begin, begin + 1000)).encode())
        for begin in range(0, 20_000, 1000)
    )
    headers = signed(endpoint, **({"Content-Encoding": encoding} if encoding else {}))
    assert post(endpoint, f"insert into {table} format TSV", body, headers)[0] == 200
    assert client.query(f"select count(), uniqExact(n) from {table}").result_rows == [
        (20_000, 20_000)
    ]


def test_a_body_that_is_cut_off_inserts_nothing(endpoint, client):
    table = fresh(client)
    packed = lz4.frame.compress(b"1\ta\n" * 10_000)
    status, code, _ = post(
        endpoint,
        f"insert into {table} format TSV",
        packed[: len(packed) // 2],
        signed(endpoint, **{"Content-Encoding": "lz4"}),
    )
    assert (status, code) == (500, 271)
    with socket.create_connection(
        ("127.0.0.1", endpoint.port)
    ) as caller:  # leaves in the middle of its own promise
        query = urllib.parse.quote(f"insert into {table} format TSV")
        caller.sendall(
            f"POST /?query={query} HTTP/1.1\r\nHost: x\r\nX-ClickHouse-Key: {endpoint.key}\r\nContent-Length: 1000\r\n\r\n1\ta\n".encode()
        )
        caller.shutdown(socket.SHUT_WR)
        caller.settimeout(10)
        assert caller.recv(100) == b""
    assert client.query(f"select count() from {table}").result_rows == [(0,)]


def test_parameters_are_bound_and_never_read_as_sql(client):
    nasty = "it's \\ '; drop table x --\n\t名"
    got = client.query(
        "select {s:String}, {n:UInt32} + 1, {many:Array(String)}",
        parameters={"s": nasty, "n": 41, "many": ["a'b", nasty]},
    )
    assert got.result_rows == [(nasty, 42, ["a'b", nasty])]
    table = fresh(client)
    client.command(
        f"insert into {table} values ({{n:UInt64}}, {{s:String}})", parameters={"n": 7, "s": nasty}
    )
    assert client.query(
        f"select n, s from {table} where s = {{s:String}}", parameters={"s": nasty}
    ).result_rows == [(7, nasty)]


def test_settings_and_database_hold_for_one_request_only(client):
    assert client.query(
        "select getSetting('max_block_size'), currentDatabase()",
        settings={"max_block_size": 77, "database": "shop"},
    ).result_rows[0] == (77, "shop")
    assert client.query(
        "select getSetting('max_block_size') = 77, currentDatabase()"
    ).result_rows == [(False, "default")]
    with pytest.raises(DatabaseError, match="115"):
        client.query("select 1 settings no_such_setting = 1")


def test_values_json_csv_and_select_inserts_and_formats(endpoint, client):
    table = fresh(client)
    client.command(f"insert into {table} values (1, 'a;b'), (1 + 1, upper('x'));")
    client.command(f"insert into {table} select number, 'format CSV' from numbers(3, 2)")
    client.raw_insert(
        table, insert_block=b'{"n": 5, "s": "{\\"values\\": 1}"}\n', fmt="JSONEachRow"
    )
    client.raw_insert(table, column_names=["n", "s"], insert_block=b'6,"x,y"\n', fmt="CSV")
    assert client.query(f"select n, s from {table} order by n").result_rows == [
        (1, "a;b"), (2, "X"), (3, "format CSV"), (4, "format CSV"), (5, '{"values": 1}'), (6, "x,y"),
    ]  # fmt: skip
    assert (
        post(endpoint, f"select n from {table} order by n limit 1 format JSONEachRow")[2]
        == b'{"n":1}\n'
    )
    assert post(endpoint, "select 1, 'a'", default_format="CSV")[2] == b'1,"a"\n'
    assert post(endpoint, "", b"select 1 + 1")[2] == b"2\n"
    assert (
        post(endpoint, "select sum(length(x)) from (select {x:String} as x)", param_x="名" * 10)[2]
        == b"30\n"
    )


@pytest.mark.parametrize("headers", [
    {}, {"X-ClickHouse-Key": "wrong"}, {"X-ClickHouse-User": "other"}, {"Authorization": "Basic ZGVmYXVsdDp3cm9uZw=="}, {"Authorization": "Basic !"},
])  # fmt: skip
def test_nothing_is_answered_without_the_right_key(endpoint, headers):
    status, code, text = post(endpoint, "select 1", headers=headers)
    assert (status, code) == (403, 516) and b"AUTHENTICATION_FAILED" in text


def test_the_key_is_taken_from_header_basic_or_address(endpoint):
    assert post(endpoint, "select 1")[0] == 200
    assert post(endpoint, "select 1", headers={}, user="default", password=endpoint.key)[0] == 200
    assert post(endpoint, "select 1", headers={}, user="default", password=endpoint.key + "x")[
        :2
    ] == (403, 516)
    with pytest.raises(DatabaseError, match="516"):
        clickhouse_connect.get_client(
            host="127.0.0.1", port=endpoint.port, username="default", password="wrong"
        )
    with urllib.request.urlopen(f"http://127.0.0.1:{endpoint.port}/ping") as answer:
        assert answer.read() == b"Ok.\n"


def test_a_refused_body_does_not_spoil_the_next_request_of_the_connection(endpoint):
    connection = http.client.HTTPConnection("127.0.0.1", endpoint.port, timeout=10)
    right = {"X-ClickHouse-Key": endpoint.key}
    answers = []
    for headers, path, body in [
        (right, "/", "select 1"),
        ({}, "/", "select 2"),
        (right, "/nothing", "select 3"),
        (right, "/?query=selec", "x" * 100_000),
        (right, "/", "select 4"),
    ]:
        connection.request("POST", path, body, headers)
        answer = connection.getresponse()
        answers.append((answer.status, answer.read()[:2]))
    assert [status for status, _ in answers] == [200, 403, 404, 400, 200] and answers[-1][
        1
    ] == b"4\n"
    connection.close()


def test_errors_carry_the_codes_of_clickhouse(endpoint, client):
    assert post(endpoint, "select nope")[:2] == (404, 47)
    assert post(endpoint, "select * from nowhere")[:2] == (404, 60)
    assert post(endpoint, "selec 1")[:2] == (400, 62)
    assert post(endpoint, "select 1", database="nowhere")[:2] == (404, 81)
    assert post(endpoint, "select 1 format Dataframe")[:2] == (400, 73)
    assert post(endpoint, "select 1", decompress="1")[:2] == (501, 48)
    assert post(endpoint, "select 1", b"", None, **{"max_threads) x": "1"})[:2] == (400, 115)
    with pytest.raises(DatabaseError, match="code: 60"):
        client.query("select * from nowhere")
    table = fresh(client)
    assert post(endpoint, f"insert into {table} format CSV", b"not a number,x\n")[0] >= 400
    assert client.query(f"select count() from {table}").result_rows == [(0,)]


def test_one_statement_per_request_and_get_only_reads(endpoint, client):
    table = fresh(client)
    assert post(endpoint, f"select 1; drop table {table}")[:2] == (400, 62)
    assert post(endpoint, "select ';' ; ")[2] == b";\n"
    assert post(endpoint, f"drop table {table}", method="GET")[:2] == (403, 164)
    assert post(endpoint, "select 1", method="GET")[0] == 200
    assert client.query(f"select count() from {table}").result_rows == [(0,)]


def test_many_callers_at_once(endpoint):
    wrong: list[object] = []

    def call(number: int) -> None:
        with_own = connect(endpoint)
        for turn in range(10):
            got = with_own.query(
                "select {n:UInt32}, getSetting('max_block_size')",
                parameters={"n": number * 100 + turn},
                settings={"max_block_size": 1000 + number},
            ).result_rows
            if got != [(number * 100 + turn, 1000 + number)]:
                wrong.append(got)

    callers = [threading.Thread(target=call, args=[number]) for number in range(12)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert wrong == []


DEDUPLICATING = "settings non_replicated_deduplication_window = 1000"
THROUGH_VIEWS = {"deduplicate_blocks_in_dependent_materialized_views": 1}


def counted(client) -> tuple[int, int]:
    return client.query(
        "select (select count() from shop.events), (select sum(n) from shop.by_kind)"
    ).result_rows[0]


def events_with_view(client, *, target: str = DEDUPLICATING) -> None:
    for kind, name in (
        ("view", "shop.to_kind"),
        ("table", "shop.events"),
        ("table", "shop.by_kind"),
    ):
        client.command(f"drop {kind} if exists {name} sync")
    client.command(
        f"create table shop.events (id UInt64, kind String) engine = MergeTree order by id {DEDUPLICATING}"
    )
    client.command(
        f"create table shop.by_kind (kind String, n UInt64) engine = SummingMergeTree order by kind {target}"
    )
    client.command(
        "create materialized view shop.to_kind to shop.by_kind as select kind, count() as n from shop.events group by kind"
    )


def test_a_repeated_token_adds_nothing_neither_to_the_table_nor_through_a_view(client):
    events_with_view(client)
    rows = [[n, f"k{n % 3}"] for n in range(900)]
    for token in ("window-1", "window-1", "window-2", "window-1", "window-2"):
        client.insert(
            "shop.events",
            rows,
            column_names=["id", "kind"],
            settings={"insert_deduplication_token": token, **THROUGH_VIEWS},
        )
    assert counted(client) == (1800, 1800)


def test_the_token_counts_and_not_the_rows(client):
    events_with_view(client)
    for rows in ([[1, "a"]], [[2, "b"], [3, "b"]]):
        client.insert(
            "shop.events",
            rows,
            column_names=["id", "kind"],
            settings={"insert_deduplication_token": "same", **THROUGH_VIEWS},
        )
    assert counted(client) == (1, 1)
    client.insert(
        "shop.events",
        [[1, "a"]],
        column_names=["id", "kind"],
        settings={"insert_deduplication_token": "other", **THROUGH_VIEWS},
    )
    assert counted(client) == (2, 2)


def test_the_target_of_a_view_needs_the_window_of_its_own(client):
    """The trap: the table takes the repeat once, a target without the setting takes it twice."""
    events_with_view(client, target="")
    for _ in range(2):
        client.insert(
            "shop.events",
            [[1, "a"]],
            column_names=["id", "kind"],
            settings={"insert_deduplication_token": "w", **THROUGH_VIEWS},
        )
    assert counted(client) == (1, 2)


def test_tokens_survive_kill_9_and_so_does_every_acknowledged_row(tmp_path):
    running = start_clickhouse(tmp_path / "clickhouse")
    client = connect(running)
    client.command("create database shop")
    events_with_view(client)
    settings = {"insert_deduplication_token": "before", **THROUGH_VIEWS}
    client.insert(
        "shop.events",
        [[n, "a"] for n in range(5000)],
        column_names=["id", "kind"],
        settings=settings,
    )
    os.kill(running.pid, signal.SIGKILL)
    running._process.wait(5)

    with start_clickhouse(tmp_path / "clickhouse", port=running.port) as again:
        assert again.key == running.key
        client = connect(again)
        assert counted(client) == (5000, 5000)
        client.insert(
            "shop.events",
            [[n, "a"] for n in range(5000)],
            column_names=["id", "kind"],
            settings=settings,
        )
        assert counted(client) == (5000, 5000)

        with pytest.raises(EngineRefused, match="is in use by a running siyu"):
            start_clickhouse(tmp_path / "clickhouse")
        again.stop()
        assert again.poll() == 0


def test_a_taken_port_and_a_readable_key_are_refused(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(EngineRefused, match="is taken by another program"):
            start_clickhouse(tmp_path / "clickhouse", port=taken.getsockname()[1])
    (tmp_path / "secrets/clickhouse.key").chmod(0o644)
    with pytest.raises(EngineRefused, match="can be read by others"):
        start_clickhouse(tmp_path / "clickhouse")


def test_the_endpoint_ends_with_its_parent(home, run, eventually):
    parent = run("""
import json, sys, time
from siyu.kernel.engines import start_clickhouse
running = start_clickhouse(sys.argv[1])
print(json.dumps({"pid": running.pid}))
time.sleep(600)
""", home / "clickhouse")  # fmt: skip
    pid = json.loads(parent.stdout.readline())["pid"]
    parent.kill()
    parent.wait()
    assert eventually(lambda: not Path(f"/proc/{pid}/exe").exists(), 10)
