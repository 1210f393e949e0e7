"""The tree obeys: borders, sizes, wiring and names. import-linter's contracts run beside this."""

import subprocess
from pathlib import Path

from tests.architecture import checks
from tests.architecture.ratchet import ROOT, recorded


def none(complaints: list[str]) -> None:
    assert not complaints, "\n" + "\n".join(complaints)


def test_modules_are_entered_by_their_doors_only():
    none(checks.around_doors(ROOT))


def test_functions_files_and_folders_do_not_grow_over_their_limits():
    none(checks.grown(checks.sizes(ROOT), recorded()))


def test_what_has_shrunk_is_recorded_smaller():
    none(checks.slack(checks.sizes(ROOT), recorded()))


def test_every_reaction_and_job_is_wired_by_the_app():
    none(checks.unwired(ROOT))


def test_no_file_holds_words_that_have_no_place_here():
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    files = [ROOT / name for name in names.splitlines()]
    none(checks.forbidden_words(ROOT, [path for path in files if Path(path).is_file()]))


def test_money_is_never_a_float():
    none(checks.inexact_money(ROOT))


def test_every_module_says_what_it_is():
    none(checks.without_readme(ROOT))


def test_names_of_tests_are_sentences():
    none(checks.mumbled_tests(ROOT))


def test_actions_leave_the_transaction_to_the_edge():
    none(checks.committing_actions(ROOT))


def test_no_file_is_named_after_nothing():
    none(checks.vague_names(ROOT))
