"""Asks whether something that is locked has a known flaw: pip-audit for Python, npm audit for the web apps.

A finding fails. What could not be asked (no network, a mirror without advisories) is never called good: it is told as
NOT CHECKED, by itself no failure, because a build must also work where the network ends. `--strict` makes it one.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import setup

WAIT_S = 120
WEB = ("console", "mobile")
SERIOUS = ("moderate", "high", "critical")


class Verdict(NamedTuple):
    """What is known of one list of packages: findings, how many were asked about, and why others were not."""

    what: str
    findings: list[str]
    asked: int
    unasked: str


def of_python(output: str, what: str = "Python packages") -> Verdict:
    """Read the JSON of pip-audit. A package that it skipped counts as not asked, whatever its exit code says."""
    try:
        packages: list[dict[str, Any]] = json.loads(output)["dependencies"]
    except (ValueError, KeyError, TypeError):
        return Verdict(what, [], 0, f"pip-audit gave no list: {_last_line(output)}")
    skipped = [one for one in packages if "skip_reason" in one]
    findings = [
        f"{one['name']} {one['version']}: {flaw['id']} (mended in {', '.join(flaw.get('fix_versions') or ['no version yet'])})"
        for one in packages
        for flaw in one.get("vulns", ())
    ]
    why = (
        f"{len(skipped)} of {len(packages)} skipped: {skipped[0]['skip_reason']}" if skipped else ""
    )
    return Verdict(what, findings, len(packages) - len(skipped), why)


def of_npm(output: str, what: str) -> Verdict:
    """Read the JSON of npm audit; flaws below moderate are left to the reader of its own report."""
    try:
        report: dict[str, Any] = json.loads(output[output.index("{") :])
    except ValueError:
        return Verdict(what, [], 0, f"npm audit gave no report: {_last_line(output)}")
    if "vulnerabilities" not in report:
        return Verdict(what, [], 0, str(report.get("message") or report.get("error"))[:200])
    findings = [
        f"{name} {one.get('range', '')}: {one['severity']}"
        for name, one in sorted(report["vulnerabilities"].items())
        if one["severity"] in SERIOUS
    ]
    asked = report.get("metadata", {}).get("dependencies", {}).get("total", 0)
    return Verdict(what, findings, asked, "" if asked else "npm audit names no packages")


def told(verdicts: list[Verdict], *, strict: bool = False) -> tuple[int, str]:
    """The exit code and the text: 1 for findings, and with ``strict`` also for what was not asked."""
    lines: list[str] = []
    for one in verdicts:
        lines += [f"FLAW         {one.what}: {finding}" for finding in one.findings]
        if one.unasked:
            lines.append(f"NOT CHECKED  {one.what}: {one.unasked}")
        elif not one.findings:
            lines.append(f"ok           {one.what}: {one.asked} asked about, no known flaw")
    bad = any(one.findings for one in verdicts) or (strict and any(one.unasked for one in verdicts))
    return int(bad), "\n".join(lines)


def _last_line(output: str) -> str:
    lines = [line for line in output.splitlines() if line.strip()]
    return lines[-1][:200] if lines else "it said nothing"


def _run(command: list[str], folder: Path, env: dict[str, str]) -> str:
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env=os.environ | env,
            capture_output=True,
            text=True,
            timeout=WAIT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as failure:
        return f"{type(failure).__name__}: {failure}"
    return done.stdout if done.stdout.strip() else done.stderr


def main(*, strict: bool) -> int:
    audit = [
        str(setup.VENV / "bin" / "pip-audit"), "--requirement", str(setup.LOCK), "--disable-pip", "--require-hashes",
        "--progress-spinner", "off", "--format", "json", "--timeout", "10",
    ]  # fmt: skip
    verdicts = [of_python(_run(audit, setup.ROOT, setup.downloads()))]
    for app in WEB:
        said = _run(["npm", "--silent", "audit", "--json"], setup.ROOT / "web" / app, setup.node())
        verdicts.append(of_npm(said, f"web/{app}"))
    status, text = told(verdicts, strict=strict)
    print(text)
    return status


if __name__ == "__main__":
    sys.exit(main(strict="--strict" in sys.argv))
