"""``siyu simulate`` at the terminal: nonsense is refused, a run tells what happened and how to see it again."""

import pytest

from siyu.app.cli_simulate import text_of
from siyu.app.simulate import Report
from tests.app.terminal import process, refused


@pytest.mark.parametrize(
    ("words", "about"),
    [
        (("--days", "-3"), "--days"),
        (("--days", "0"), "--days"),
        (("--shoppers", "0"), "--shoppers"),
        (("--seed", "-1"), "--seed"),
    ],
)
def test_nonsense_is_refused_in_one_sentence(words, about):
    assert about in refused(process("simulate", *words))


def test_a_day_in_a_house_of_its_own_ends_well_and_leaves_nothing_behind(tmp_path):
    home = tmp_path / "mine"
    said = process("simulate", "--seed", "5", "--days", "1", "--json", home=str(home))
    assert said.status == 0, said
    assert said.json["ok"] and said.json["fingerprint"] and not said.json["findings"]
    assert said.json["replay"] == "siyu simulate --seed 5 --days 1"
    assert said.json["figures"]["orders"] and said.json["figures"]["people"]
    assert not home.exists()


def test_a_failing_run_tells_the_day_the_last_acts_and_the_replay():
    report = Report(
        7, 30, 9, day=3, findings=["order x: lost"], latest=["ship order=2", "blow kills=True"]
    )
    told = text_of(report)
    assert "NOT as people were told, day 4:\n  order x: lost" in told
    assert told.endswith(
        "blow kills=True\nSee it again: siyu simulate --seed 7 --days 30 --shoppers 9"
    )
