"""What engines need of the machine: children that start also after one that could not, ports that stay free."""

import os
import sys
import threading

import pytest

from siyu.kernel.engines import host


@pytest.mark.parametrize(
    ("program", "close"), [("/nowhere/program", False), (sys.executable, True)]
)
def test_a_child_that_cannot_be_started_is_told_and_keeps_no_later_one_from_starting(
    tmp_path, program, close
):
    """``close``: as when Ctrl-C closes the log between asking for a child and its start."""
    log = (tmp_path / "log").open("wb")
    if close:
        log.close()
    words = [program, "-c", "print('hello')"]
    if close:
        with pytest.raises(ValueError, match="closed file"):
            host.spawn(words, env=dict(os.environ), output=log)
    else:
        with pytest.raises(OSError, match="nowhere"):
            host.spawn(words, env=dict(os.environ), output=log, cwd=tmp_path / "nowhere")
        log.close()
    started: list[int] = []

    def start() -> None:
        with (tmp_path / "log").open("wb") as output:
            started.append(
                host.spawn(
                    [sys.executable, "-c", "print('hello')"], env=dict(os.environ), output=output
                ).wait(30)
            )

    later = threading.Thread(target=start, daemon=True)
    later.start()
    later.join(30)
    assert started == [0] and (tmp_path / "log").read_bytes() == b"hello\n"


def test_a_free_port_is_none_that_an_outgoing_connection_may_be_given():
    outgoing = host.PROC / "sys/net/ipv4/ip_local_port_range"
    if not outgoing.exists():
        pytest.skip("only Linux tells which ports these are")
    first = int(outgoing.read_text().split()[0])
    if first <= host.LOWEST_PORT:
        pytest.skip("here outgoing connections take nearly all ports")
    drawn = {host.free_port() for _ in range(50)}
    assert len(drawn) > 40 and min(drawn) >= host.LOWEST_PORT and max(drawn) < first
