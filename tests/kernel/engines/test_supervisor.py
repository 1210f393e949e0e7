"""What the supervisor keeps alive comes back, and what it ends leaves nobody behind, however it dies itself."""

import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from siyu.kernel.engines import EngineRefused, Restart, check_port, host, lock_home

PROGRAM = """
import json, os, pathlib, signal, sys, time
from siyu.kernel.engines import *
home = pathlib.Path(sys.argv[1])

def say(event, **facts):
    with (home / "events").open("a") as file:
        file.write(json.dumps({"event": event, **facts}) + "\\n")

def child(name, text="", **options):
    text = f"import os, pathlib, signal, subprocess, sys, time\\nhome = pathlib.Path({str(home)!r})\\n" + text + "\\ntime.sleep(600)"
    return ChildSpec(name=name, argv=[sys.executable, "-c", text], **options)

try:
    lock = lock_home(home)
    %s
    sys.exit(Supervisor(children, lock=lock, announce=say).run())
except EngineRefused as refusal:
    print(refusal)
    sys.exit(2)
"""


class Tree:
    """A supervisor in its own process, seen through its events."""

    def __init__(self, run, home: Path, children: str) -> None:
        self.home = home
        self.begins = len(self.events())
        self.process: subprocess.Popen[str] = run(PROGRAM % children, home)

    def events(self) -> list[dict]:
        path = self.home / "events"
        lines = path.read_text().splitlines() if path.exists() else []
        return [json.loads(line) for line in lines][getattr(self, "begins", 0) :]

    def wait_for(
        self, event: str, within_s: float = 20.0, *, times: int = 1, **facts: object
    ) -> dict:
        def found() -> list[dict]:
            return [
                seen
                for seen in self.events()
                if seen["event"] == event and facts.items() <= seen.items()
            ]

        end = time.monotonic() + within_s
        while len(found()) < times:
            assert time.monotonic() < end, f"no {event} {facts}: {self.events()}"
            time.sleep(0.03)
        return found()[times - 1]

    def pids(self) -> set[int]:
        return {seen["pid"] for seen in self.events() if "pid" in seen}

    def ends(self, within_s: float = 15.0) -> int:
        return self.process.wait(within_s)


@pytest.fixture
def tree(run, home) -> Callable[[str], Tree]:
    return lambda children: Tree(run, home, children)


def gone(pids) -> bool:
    return all(host.stamp_of(pid) is None for pid in pids)


TWO = """children = [child("first", "(home / 'asked').write_text('x')", ready=lambda: (home / "asked").exists()), child("second")]"""


def test_a_killed_child_is_back_within_seconds_and_the_other_is_left_alone(tree, eventually):
    up = tree(TWO)
    up.wait_for("all_ready")
    victim, other = (
        up.wait_for("child_ready", name="first")["pid"],
        up.wait_for("child_ready", name="second")["pid"],
    )
    begins = time.monotonic()
    os.kill(victim, signal.SIGKILL)
    back = up.wait_for("child_ready", name="first", times=2)
    assert time.monotonic() - begins < 3 and back["pid"] != victim
    assert up.wait_for("child_died", name="first")["how"] == "signal SIGKILL"
    assert host.stamp_of(other) and host.stamp_of(back["pid"])
    up.process.terminate()
    assert up.ends() == 0


ENDINGS = [signal.SIGINT, signal.SIGTERM]
if (
    signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN
):  # under nohup a hang-up is meant to be ignored
    ENDINGS.append(signal.SIGHUP)


@pytest.mark.parametrize("number", ENDINGS)
def test_a_signal_ends_everything_in_reverse_order_and_leaves_no_orphan(tree, home, number):
    up = tree(
        TWO.replace(
            'child("second")',
            """child("second", "p = subprocess.Popen(['/bin/sleep', '600']); (home / 'grandchild').write_text(str(p.pid))")""",
        )
    )
    up.wait_for("all_ready")
    assert host.wait_until(
        lambda: (home / "grandchild").exists() and (home / "grandchild").read_text() != "", 5
    )
    up.process.send_signal(number)
    assert up.ends(5) == 0
    assert [seen["name"] for seen in up.events() if seen["event"] == "child_stopped"] == [
        "second",
        "first",
    ]
    assert gone([*up.pids(), int((home / "grandchild").read_text())])


def test_a_child_that_does_not_listen_is_killed_after_its_time(tree):
    up = tree(
        """children = [child("deaf", "signal.signal(signal.SIGTERM, signal.SIG_IGN); (home / 'deaf').touch()", ready=lambda: (home / "deaf").exists(), stop_within_s=1)]"""
    )
    up.wait_for("all_ready")
    begins = time.monotonic()
    up.process.terminate()
    assert up.ends(5) == 0
    assert 0.9 < time.monotonic() - begins < 3 and gone(up.pids())


def test_a_second_ctrl_c_kills_at_once(tree):
    deaf = """child("%s", "signal.signal(signal.SIGTERM, signal.SIG_IGN); (home / '%s').touch()", ready=lambda: (home / "%s").exists(), stop_within_s=60)"""
    up = tree(f"children = [{deaf.replace('%s', 'a')}, {deaf.replace('%s', 'b')}]")
    up.wait_for("all_ready")
    up.process.send_signal(signal.SIGINT)
    up.wait_for("stopping")
    time.sleep(0.2)
    up.process.send_signal(signal.SIGINT)
    assert up.ends(3) == 0
    assert gone(up.pids())


def test_nobody_survives_kill_9_of_the_supervisor(tree, eventually):
    up = tree(TWO)
    up.wait_for("all_ready")
    up.process.kill()
    assert eventually(lambda: gone(up.pids()), 3)


def test_what_survived_kill_9_of_the_supervisor_is_ended_by_the_next_start(tree, home):
    stubborn = """children = [child("stubborn", "signal.signal(signal.SIGTERM, signal.SIG_IGN); p = subprocess.Popen(['/bin/sleep', '600']); (home / 'up').write_text(str(p.pid))", ready=lambda: (home / "up").exists())]"""
    up = tree(stubborn)
    up.wait_for("all_ready")
    left = [up.wait_for("child_ready")["pid"], int((home / "up").read_text())]
    up.process.kill()
    up.ends()
    time.sleep(0.3)
    assert not gone(left[:1]) and not gone(left[1:])

    (home / "up").unlink()
    again = tree(stubborn)
    assert again.wait_for("leftover_ended")["name"] == "stubborn"
    again.wait_for("all_ready")
    assert gone(left)
    os.killpg(again.wait_for("child_ready")["pid"], signal.SIGKILL)
    again.process.terminate()
    assert again.ends() == 0


def test_a_child_that_never_starts_ends_the_rest_with_one_sentence(tree):
    up = tree(
        """children = [child("first"), child("broken", "sys.exit(3)", ready=lambda: False, restart=Restart(first_s=0.05)), child("never")]"""
    )
    assert up.ends() == 2
    assert (
        up.process.stdout.read()
        == "broken ended (exit status 3) and siyu cannot go on without it.\n"
    )
    assert (
        len(
            [
                1
                for seen in up.events()
                if seen["event"] == "child_started" and seen["name"] == "broken"
            ]
        )
        == 3
    )
    assert gone(up.pids())


def test_the_sentence_of_an_engine_that_refuses_reaches_the_person(tree):
    up = tree(
        """
    def refuse():
        raise EngineRefused("The data is of another version: choose another folder.")
    children = [child("first"), ChildSpec(name="engine", start=refuse)]""".strip()
    )
    assert up.ends() == 2
    assert up.process.stdout.read() == "The data is of another version: choose another folder.\n"
    assert gone(up.pids())


def test_ctrl_c_is_heard_while_an_engine_takes_its_time_to_start(tree):
    up = tree(
        """
    def slow():
        say("recovering")
        time.sleep(60)
    children = [child("first"), ChildSpec(name="engine", start=slow), child("never")]""".strip()
    )
    up.wait_for("recovering")
    up.process.send_signal(signal.SIGINT)
    assert up.ends(3) == 0
    assert gone(up.pids()) and "never" not in {seen.get("name") for seen in up.events()}


def test_ctrl_c_is_heard_during_the_work_between_two_children(tree):
    up = tree(
        """
    def slow():
        say("migrating")
        time.sleep(60)
    children = [child("first", after_first_ready=slow), child("never")]""".strip()
    )
    up.wait_for("migrating")
    up.process.send_signal(signal.SIGINT)
    assert up.ends(3) == 0
    assert gone(up.pids()) and "never" not in {seen.get("name") for seen in up.events()}


PLACES = {
    "an object is cleared away": "class Gone:\n    def __del__(self):\n        strike()\nGone()\n",
    "a reference dies": "import weakref\nclass Gone: pass\ngone = Gone()\nweak = weakref.ref(gone, strike)\ndel gone\n",
    "a module is being imported": "strike()\n",
}


@pytest.mark.parametrize("place", PLACES)
def test_ctrl_c_is_heard_and_no_traceback_shown_where_python_swallows_it_because(tree, home, place):
    head = "import signal\ndef strike(*_):\n    signal.raise_signal(signal.SIGINT)\n"
    (home / "deep.py").write_text(head + PLACES[place] + "WHOLE = True\n")
    up = tree(
        """
    os.dup2(os.open(home / "said", os.O_CREAT | os.O_WRONLY, 0o600), 2)
    def slow():
        sys.path.insert(0, str(home))
        try:
            import deep
        finally:
            say("imported", whole=getattr(sys.modules.get("deep"), "WHOLE", False))
        time.sleep(60)
    children = [ChildSpec(name="engine", start=slow), child("never")]""".strip()
    )
    assert up.ends() == 0
    assert up.wait_for("imported")["whole"] and (home / "said").read_text() == ""


def test_a_child_that_is_not_ready_in_time_is_given_up(tree):
    up = tree(
        """children = [child("slow", ready=lambda: False, ready_within_s=0.3, restart=Restart(first_s=0.05, first_tries=2))]"""
    )
    assert up.ends() == 2
    assert "not ready within 0.3 s" in up.process.stdout.read() and gone(up.pids())


def test_one_that_must_not_die_ends_everything_when_it_does(tree):
    up = tree("""children = [child("first"), child("only", restart=None)]""")
    up.wait_for("all_ready")
    os.kill(up.wait_for("child_ready", name="only")["pid"], signal.SIGKILL)
    assert up.ends() == 2 and "only ended (signal SIGKILL)" in up.process.stdout.read()
    assert gone(up.pids())


def test_work_between_two_children_is_done_once(tree, home):
    up = tree(
        """children = [child("first", after_first_ready=lambda: say("migrated")), child("second")]"""
    )
    up.wait_for("all_ready")
    order = [(seen["event"], seen.get("name")) for seen in up.events()]
    assert (
        order.index(("child_ready", "first"))
        < order.index(("migrated", None))
        < order.index(("child_started", "second"))
    )
    os.kill(up.wait_for("child_ready", name="first")["pid"], signal.SIGKILL)
    up.wait_for("child_ready", name="first", times=2)
    assert [event for event, _ in order].count("migrated") == 1
    up.process.terminate()
    assert up.ends() == 0


def test_pauses_between_attempts_grow_to_a_bound():
    restart = Restart(first_s=0.2, longest_s=15)
    assert [restart.delay_s(deaths) for deaths in (1, 2, 3, 7, 8, 1000)] == [
        0.2,
        0.4,
        0.8,
        12.8,
        15,
        15,
    ]


def test_a_second_supervisor_on_the_same_folder_is_refused(tree, home):
    up = tree("children = [child('only')]")
    up.wait_for("all_ready")
    second = tree("children = [child('only')]")
    assert second.ends() == 2
    assert (
        second.process.stdout.read()
        == f"The data folder {home} is in use by a running siyu (process {up.process.pid}): stop it first, or choose another folder.\n"
    )
    up.process.terminate()
    assert up.ends() == 0
    lock_home(home).release()


def test_a_folder_that_cannot_be_written_is_refused(home, as_plain_user):
    told = as_plain_user("""
import pathlib, sys
from siyu.kernel.engines import EngineRefused, lock_home
for folder in (sys.argv[1], sys.argv[1] + "/new"):
    try:
        lock_home(pathlib.Path(folder))
    except EngineRefused as refusal:
        print(refusal)
""", "/proc/1" if os.geteuid() else home).communicate(timeout=30)[0]  # fmt: skip
    assert told.count(" cannot be written (") == 2 and told.count("\n") == 2


def test_a_taken_port_is_refused_and_a_free_one_is_not():
    with socket.socket() as taken:
        port = host.free_port()
        taken.bind(("127.0.0.1", port))
        taken.listen()
        with pytest.raises(
            EngineRefused, match=f"Port {port} for the web server is taken by another program"
        ):
            check_port(port, "the web server")
    check_port(port, "the web server")


ENGINES = """
    def postgres():
        running = start_postgres(home / "pg", port=PORTS[0])
        (home / "url").write_text(running.url())
        return running
    children = [
        ChildSpec(name="postgres", start=postgres, stop_within_s=30),
        ChildSpec(name="clickhouse", start=lambda: start_clickhouse(home / "ch", port=PORTS[1]), ready=lambda: answers(PORTS[1])),
        child("web"),
    ]
"""


def test_both_engines_come_back_after_kill_9_of_each_and_of_everything(tree, home, eventually):
    ports = [host.free_port(), host.free_port()]
    children = ENGINES.replace("PORTS", str(ports)).strip()
    up = tree(children)
    up.wait_for("all_ready", 40)
    url = (home / "url").read_text()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("create table kept as select generate_series(1, 500) as n")

    for name in ("postgres", "clickhouse", "web"):
        os.kill(up.wait_for("child_ready", name=name)["pid"], signal.SIGKILL)
    for name in ("postgres", "clickhouse", "web"):
        up.wait_for("child_ready", 15, name=name, times=2)
    with psycopg.connect(url) as connection:
        assert connection.execute("select count(*) from kept").fetchone() == (500,)

    before = up.pids()
    up.process.kill()
    again = tree(children)
    again.wait_for("all_ready", 40)
    assert gone(before)
    with psycopg.connect(url) as connection:
        assert connection.execute("select count(*) from kept").fetchone() == (500,)
    again.process.send_signal(signal.SIGINT)
    assert again.ends(20) == 0
    assert gone(again.pids())
