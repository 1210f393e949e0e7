"""A known flaw fails the build, and what could not be asked is never called good."""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))
import advisories

CLEAN = {"name": "httpx", "version": "0.28.1", "vulns": []}
FLAWED = {"name": "jinja2", "version": "2.4.1", "vulns": [{"id": "PYSEC-2019-217", "fix_versions": ["2.8.1"]}]}  # fmt: skip
SKIPPED = {"name": "uv", "skip_reason": "Dependency not found on PyPI and could not be audited: uv (0.13.9)"}  # fmt: skip


def python(*packages):
    return advisories.of_python(json.dumps({"dependencies": packages, "fixes": []}))


def test_a_known_flaw_of_a_package_fails_and_is_named_with_its_remedy():
    status, text = advisories.told([python(CLEAN, FLAWED)])
    assert status == 1 and "jinja2 2.4.1: PYSEC-2019-217 (mended in 2.8.1)" in text


def test_packages_without_a_flaw_are_said_to_be_good_with_their_number():
    assert advisories.told([python(CLEAN)]) == (
        0,
        "ok           Python packages: 1 asked about, no known flaw",
    )


def test_what_pip_audit_skipped_is_not_called_good_though_it_ends_with_zero():
    status, text = advisories.told([python(CLEAN, SKIPPED)])
    assert status == 0 and "ok " not in text
    assert "NOT CHECKED  Python packages: 1 of 2 skipped" in text
    assert advisories.told([python(CLEAN, SKIPPED)], strict=True)[0] == 1


def test_a_flaw_fails_also_when_others_could_not_be_asked():
    assert advisories.told([python(FLAWED, SKIPPED)])[0] == 1


def test_no_answer_at_all_is_told_as_such():
    for verdict in (
        advisories.of_python(""),
        advisories.of_python("ConnectionError: no route"),
        advisories.of_npm("", "web/console"),
        advisories.of_npm(
            '{"message": "405 Method Not Allowed", "statusCode": 405}', "web/console"
        ),
    ):
        status, text = advisories.told([verdict])
        assert status == 0 and text.startswith("NOT CHECKED") and "ok" not in text.split(":")[0]


def test_a_serious_flaw_of_the_web_apps_fails_and_a_slight_one_does_not():
    def npm(severity):
        flaws = {"vite": {"severity": severity, "range": "<1"}} if severity else {}
        report = {"vulnerabilities": flaws, "metadata": {"dependencies": {"total": 200}}}
        return advisories.told([advisories.of_npm(json.dumps(report), "web/console")])[0]

    assert [npm(one) for one in (None, "low", "moderate", "critical")] == [0, 0, 1, 1]
