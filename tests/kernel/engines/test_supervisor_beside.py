"""Engines that come up beside the others."""

from collections.abc import Callable

import pytest

from tests.kernel.engines.test_supervisor import Tree, gone


@pytest.fixture
def tree(run, home) -> Callable[[str], Tree]:
    return lambda children: Tree(run, home, children)


def test_who_comes_up_beside_the_others_holds_nobody_up_but_is_awaited_in_the_end(tree, home):
    up = tree(
        """children = [child("beside", beside=True, ready=lambda: (home / "now").exists()), child("next", after_first_ready=lambda: say("between")), child("last", after_first_ready=lambda: say("end"))]"""
    )
    up.wait_for("child_ready", name="last")
    assert not {"end", "all_ready"} & {seen["event"] for seen in up.events()}
    (home / "now").touch()
    up.wait_for("all_ready")
    order = [(seen["event"], seen.get("name")) for seen in up.events()]
    assert order.index(("child_ready", "beside")) < order.index(("end", None))
    up.process.terminate()
    assert up.ends() == 0


def test_an_engine_beside_the_others_that_ends_at_once_says_why(tree):
    up = tree(
        """
    class Dead:
        pid = 1
        def poll(self): return 1
        def kill(self): pass
        ask_to_stop = kill
    def why():
        raise EngineRefused("The engine ended: its port is taken.")
    children = [ChildSpec(name="engine", start=Dead, beside=True, ready=why), child("next"), child("last")]""".strip()
    )
    assert up.ends() == 2
    assert up.process.stdout.read() == "The engine ended: its port is taken.\n"
    assert gone(up.pids() - {1})
