"""The embedded PostgreSQL keeps what it acknowledged, whoever dies, and says clearly why it does not start."""

import json
import os
import signal
import socket
import stat
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import psycopg
import pytest

from siyu.kernel.engines import EngineRefused, Running, cluster, host, postgres, start_postgres

STARTS = """
import json, sys, time
from siyu.kernel.engines import start_postgres
running = start_postgres(sys.argv[1])
print(json.dumps({"pid": running.pid, "url": running.url()}))
time.sleep(600)
"""


def ask(running: Running | str, statement: str) -> list[Any]:
    url = running if isinstance(running, str) else running.url()
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(statement)  # pyright: ignore[reportCallIssue, reportArgumentType]  # no literal
        return cursor.fetchall() if cursor.description else []


def alive(data_dir: Path) -> set[int]:
    return postgres._at_work(data_dir)


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(host, "LAST_BREATH_S", 0.1)


class Writer(threading.Thread):
    """Writes numbers one transaction each until the server is gone; ``acknowledged`` is what it promised to keep."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.url, self.acknowledged = url, -1
        ask(url, "create table if not exists kept (n bigint primary key)")
        ask(url, "truncate kept")

    def run(self) -> None:
        try:
            with psycopg.connect(self.url, autocommit=True) as connection:
                while True:
                    connection.execute("insert into kept values (%s)", [self.acknowledged + 1])
                    self.acknowledged += 1
        except psycopg.OperationalError:
            return

    def write_some(self) -> "Writer":
        self.start()
        end = time.monotonic() + 10
        while self.acknowledged < 50 and time.monotonic() < end:
            time.sleep(0.01)
        return self

    def missing(self, running: Running) -> int:
        self.join(10)
        assert self.acknowledged >= 50
        return (
            self.acknowledged
            + 1
            - ask(running, f"select count(*) from kept where n <= {self.acknowledged}")[0][0]
        )


def test_a_stopped_server_keeps_rows_password_and_port(home):
    with start_postgres(home / "pg") as first:
        ask(first, "create table t (x int)")
        ask(first, "insert into t select generate_series(1, 1000)")
        port, password = first.port, first.password
    assert not alive(home / "pg")

    with start_postgres(home / "pg", port=port) as again:
        assert (again.port, again.password) == (port, password)
        assert ask(again, "select count(*) from t") == [(1000,)]


def test_durability_is_on_and_the_right_limits_are_in_force(home):
    with start_postgres(home / "pg", settings={"max_connections": "77"}) as running:
        shown = {name: ask(running, f"show {name}")[0][0] for name in (
            "fsync", "synchronous_commit", "full_page_writes", "jit", "max_connections", "server_encoding", "timezone",
            "idle_in_transaction_session_timeout", "listen_addresses", "password_encryption",
        )}  # fmt: skip
        assert shown == {
            "fsync": "on", "synchronous_commit": "on", "full_page_writes": "on", "jit": "off", "max_connections": "77",
            "server_encoding": "UTF8", "timezone": "UTC", "idle_in_transaction_session_timeout": "30s",
            "listen_addresses": "127.0.0.1", "password_encryption": "scram-sha-256",
        }  # fmt: skip
        assert ask(running, "select datcollate from pg_database where datname = 'postgres'") == [
            ("C.UTF-8",)
        ]
        ask(running, "create extension vector")


def test_both_doors_ask_for_the_password_and_only_we_can_read_it(home):
    with start_postgres(home / "pg", test_mode=True) as running:
        for where in ("127.0.0.1", running.socket_dir):
            door = f"host={where} port={running.port} user={running.user} dbname=postgres"
            psycopg.connect(door, password=running.password).close()
            with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
                psycopg.connect(door, password="guess")
        assert running.password not in repr(running)
        modes = {
            path.name: stat.S_IMODE(path.stat().st_mode)
            for path in (home / "secrets", home / "secrets/pg.password", home / "pg")
        }
        assert modes == {"secrets": 0o700, "pg.password": 0o600, "pg": 0o700}
        assert running.password not in running.log_path.read_text()


def test_nothing_acknowledged_is_lost_when_the_postmaster_is_killed(home):
    running = start_postgres(home / "pg")
    writer = Writer(running.url()).write_some()
    os.kill(running.pid, signal.SIGKILL)
    assert running._process.wait(5) == -signal.SIGKILL
    running.kill()

    with start_postgres(home / "pg") as again:
        assert writer.missing(again) == 0


def test_nothing_acknowledged_is_lost_when_every_process_is_killed(home):
    running = start_postgres(home / "pg")
    writer = Writer(running.url()).write_some()
    for pid in alive(home / "pg"):
        host.signalled(pid, signal.SIGKILL)
    running.kill()

    with start_postgres(home / "pg") as again:
        assert writer.missing(again) == 0


def test_a_stuck_back_end_of_a_dead_postmaster_does_not_stop_the_next_start(home):
    running = start_postgres(home / "pg")
    with psycopg.connect(running.url(), autocommit=True) as stuck:
        back_end = stuck.info.backend_pid
        os.kill(back_end, signal.SIGSTOP)  # holds the shared memory and cannot see its parent die
        os.kill(running.pid, signal.SIGKILL)
        running.kill()
        with start_postgres(home / "pg") as again:
            assert ask(again, "select 1") == [(1,)]
            assert back_end not in alive(home / "pg")


def test_killing_the_supervisor_ends_the_server_and_the_next_start_has_every_row(
    home, run, eventually
):
    supervisor = run(STARTS, home / "pg")
    told = json.loads(supervisor.stdout.readline())
    writer = Writer(told["url"]).write_some()
    supervisor.kill()

    with start_postgres(home / "pg") as again:
        assert again.pid != told["pid"]
        assert writer.missing(again) == 0
    assert not alive(home / "pg")


def test_a_server_whose_supervisor_died_unnoticed_is_taken_over(home, run):
    """Where the system has no parent-death signal, the server goes on alone."""
    unleashed = STARTS.replace(
        "running = start",
        """
from siyu.kernel.engines import host
import pathlib, tempfile
leash = pathlib.Path(tempfile.mkstemp()[1])
leash.write_text(host.LEASH.read_text().replace('sys.platform == "linux" and', "False and"))
leash.chmod(0o644)
host.LEASH = leash
running = start""",
    )
    supervisor = run(unleashed, home / "pg")
    told = json.loads(supervisor.stdout.readline())
    writer = Writer(told["url"]).write_some()
    supervisor.kill()
    supervisor.wait()
    time.sleep(0.5)
    assert told["pid"] in alive(home / "pg")

    with start_postgres(home / "pg") as again:
        assert told["pid"] not in alive(home / "pg")
        assert writer.missing(again) == 0


def test_a_pid_file_that_names_a_stranger_does_not_stop_the_start(home):
    start_postgres(home / "pg", test_mode=True).stop()
    owner = (home / "pg").stat()
    stranger = (
        subprocess.Popen(["/bin/sleep", "60"], user=owner.st_uid, group=owner.st_gid)
        if os.geteuid() == 0
        else subprocess.Popen(["/bin/sleep", "60"])
    )
    try:
        (home / "pg/postmaster.pid").write_text(f"{stranger.pid}\n{home / 'pg'}\n")
        with start_postgres(home / "pg", test_mode=True) as running:
            assert ask(running, "select 1") == [(1,)]
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_initialising_again_after_being_killed_half_way(home):
    half = home / ".pg.initialising"
    half.mkdir()
    (half / "PG_VERSION").write_text("18\n")
    with start_postgres(home / "pg", test_mode=True) as running:
        assert ask(running, "select 1") == [(1,)]
    assert not half.exists()


def test_a_lost_password_file_is_made_anew(home):
    with start_postgres(home / "pg", test_mode=True) as first:
        password = first.password
    (home / "secrets/pg.password").unlink()
    with start_postgres(home / "pg", test_mode=True) as again:
        assert again.password != password


def test_a_wrong_password_file_is_refused_with_the_way_out(home):
    start_postgres(home / "pg", test_mode=True).stop()
    (home / "secrets/pg.password").write_text("of-another-folder\n")
    with pytest.raises(EngineRefused, match="is not that of the data"):
        start_postgres(home / "pg", test_mode=True)
    assert not alive(home / "pg")


def test_a_folder_in_use_is_refused_in_one_sentence(home, impatient):
    with start_postgres(home / "pg", test_mode=True) as running:
        with pytest.raises(EngineRefused, match="is in use by a running siyu") as refusal:
            start_postgres(home / "pg")
        assert str(refusal.value).count("\n") == 0
        assert ask(running, "select 1") == [(1,)]


def test_a_folder_in_use_by_a_server_of_somebody_else_is_refused_and_left_alone(home, impatient):
    start_postgres(home / "pg", test_mode=True).stop()
    prepared = cluster.prepare(home / "pg", 18)
    server = host.spawn(
        postgres._command(prepared, host.free_port(), {}), env=cluster.ENVIRONMENT, cwd=home / "pg",
        account=prepared.account, output=(home / "log").open("ab"), death_signal=signal.SIGINT,
    )  # fmt: skip
    try:
        assert host.wait_until(lambda: "ready to accept" in (home / "log").read_text(), 10)
        with pytest.raises(
            EngineRefused, match=f"a server that siyu did not start .process {server.pid}"
        ):
            start_postgres(home / "pg")
        assert server.poll() is None
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(10)


def test_postgresql_16_works_too_and_data_of_another_version_is_refused(home):
    with start_postgres(home / "pg", version=16, test_mode=True) as running:
        assert ask(running, "show server_version_num")[0][0].startswith("16")
        assert ask(running, "show fsync") == [("off",)]  # test mode trades durability for speed
    with pytest.raises(EngineRefused, match="was written by PostgreSQL 16, not 18"):
        start_postgres(home / "pg")
    with pytest.raises(EngineRefused, match="choose 18 or 16"):
        start_postgres(home / "other", version=12)


def test_a_folder_with_other_things_in_it_is_refused(home):
    (home / "pg").mkdir()
    (home / "pg/photo.jpg").write_bytes(b"")
    with pytest.raises(EngineRefused, match="holds no PostgreSQL cluster"):
        start_postgres(home / "pg")


def test_a_taken_port_is_refused(home, impatient):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(EngineRefused, match="is taken by another program"):
            start_postgres(home / "pg", port=taken.getsockname()[1], test_mode=True)
    start_postgres(home / "pg", test_mode=True).stop()  # and the folder is free again


def test_a_bad_setting_is_refused_with_the_servers_own_words(home):
    with pytest.raises(EngineRefused, match="shared_buffers"):
        start_postgres(home / "pg", settings={"shared_buffers": "a lot"}, test_mode=True)


def test_a_deep_folder_still_has_a_socket(home):
    deep = home / ("d" * 80) / "pg"
    with start_postgres(deep, test_mode=True) as running:
        link = running.socket_dir
        assert len(str(link / ".s.PGSQL.65535")) < 104
        psycopg.connect(
            host=str(link), port=running.port, user="postgres", password=running.password
        ).close()
    assert not link.exists()


@pytest.mark.skipif(
    os.geteuid() != 0,
    reason="only root has folders that others cannot enter and still starts servers",
)
def test_root_runs_it_below_a_folder_closed_to_everybody(home):
    closed = home / "root"
    closed.mkdir(mode=0o700)
    with start_postgres(closed / "home/pg") as running:
        ask(running, "create table t as select 1 as x")
        owner = int(
            next(
                line
                for line in Path(f"/proc/{running.pid}/status").read_text().splitlines()
                if line.startswith("Uid:")
            ).split()[1]
        )
        assert owner != 0
        os.kill(running.pid, signal.SIGKILL)
        running.kill()
    with start_postgres(closed / "home/pg") as again:
        assert ask(again, "select x from t") == [(1,)]


@pytest.mark.skipif(os.geteuid() != 0, reason="a plain user reaches its own programs")
def test_root_copies_the_programs_when_their_folder_is_closed(home, monkeypatch):
    monkeypatch.setattr(cluster, "REACHABLE_COPIES", (Path("/proc/nowhere"), home / "copies"))
    entered = cluster.may_enter
    monkeypatch.setattr(
        cluster,
        "may_enter",
        lambda folder, account: "site-packages" not in str(folder) and entered(folder, account),
    )
    with start_postgres(home / "pg", test_mode=True) as running:
        assert Path(f"/proc/{running.pid}/exe").readlink().is_relative_to(home / "copies")
        assert ask(running, "select 1") == [(1,)]
    monkeypatch.setattr(cluster, "REACHABLE_COPIES", ())
    with pytest.raises(EngineRefused, match="start siyu as a plain user, or move the project"):
        start_postgres(home / "pg")


@pytest.mark.skipif(os.geteuid() != 0, reason="needs to give a folder away")
def test_a_cluster_restored_by_root_is_given_back_to_its_user(home):
    start_postgres(home / "pg", test_mode=True).stop()
    for path in (home / "pg", *(home / "pg").rglob("*")):
        os.lchown(path, 0, 0)
    with start_postgres(home / "pg", test_mode=True) as running:
        assert ask(running, "select 1") == [(1,)]


def test_a_plain_user_runs_it_too(home, as_plain_user):
    home.chmod(0o777)
    told = as_plain_user("""
import os, signal, sys, psycopg
from siyu.kernel.engines import start_postgres
first = start_postgres(sys.argv[1])
with psycopg.connect(first.url(), autocommit=True) as c:
    c.execute("create table t as select generate_series(1, 100) as x")
os.kill(first.pid, signal.SIGKILL)
first.kill()
with start_postgres(sys.argv[1]) as again, psycopg.connect(again.url()) as c:
    print(os.geteuid(), c.execute("select count(*) from t").fetchone()[0])
""", home / "own/pg").communicate(timeout=60)[0]  # fmt: skip
    assert told.splitlines()[-1].split() == [str(os.geteuid() or 65534), "100"]


def test_a_folder_that_cannot_be_written_is_refused_in_one_sentence(home, as_plain_user):
    (home / "closed").mkdir(mode=0o555)
    told = as_plain_user("""
import sys
from siyu.kernel.engines import EngineRefused, start_postgres
try:
    start_postgres(sys.argv[1])
except EngineRefused as refusal:
    print(refusal)
""", home / "closed/pg").communicate(timeout=60)[0]  # fmt: skip
    assert (
        told
        == f"{home}/closed cannot be written (Permission denied): make it writable for this user, start siyu as its owner, or choose another folder.\n"
    )


def test_data_of_another_user_is_refused_in_one_sentence(home, as_plain_user):
    if os.geteuid() != 0:
        pytest.skip("needs two users")
    start_postgres(home / "pg", test_mode=True).stop()
    home.chmod(0o777)
    told = as_plain_user("""
import sys
from siyu.kernel.engines import EngineRefused, start_postgres
try:
    start_postgres(sys.argv[1])
except EngineRefused as refusal:
    print(refusal)
""", home / "pg").communicate(timeout=60)[0]  # fmt: skip
    assert told.count("\n") == 1 and "cannot be written (Permission denied)" in told
