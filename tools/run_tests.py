"""Runs all that must hold, stage by stage, and prints the minutes of each.

`run_tests.py [STAGE ...]` runs only those named. The first broken stage ends the run.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable

import browser
import setup

BIN = setup.VENV / "bin"
PYTEST = (BIN / "python", "-m", "pytest", "-q", "-m", "not soak")
WORKERS = str(min(max(os.cpu_count() or 2, 2) + 1, 5))
PARALLEL = ("-n", WORKERS, "--dist", "worksteal")
JOURNEYS = "tests/journeys"
ARCHITECTURE = "tests/architecture"
BESIDE = (f"--ignore={JOURNEYS}", f"--ignore={ARCHITECTURE}")


def run(*command: object, **env: str) -> bool:
    """Run a program in the project's folder with its output shown; whether it succeeded."""
    words = [str(word) for word in command]
    return subprocess.run(words, cwd=setup.ROOT, env=os.environ | env, check=False).returncode == 0


def lint() -> bool:
    return run(BIN / "ruff", "check", ".") and run(BIN / "ruff", "format", "--check", ".")


def types() -> bool:
    return run(BIN / "pyright", "--warnings", PATH=setup.node()["PATH"])


def architecture() -> bool:
    """Borders, sizes and names; and that what is made from the code (docs, the document of the API) is as the code is."""
    return (
        run(BIN / "lint-imports")
        and run(BIN / "python", "tools/refusals.py", "--check")
        and run(BIN / "python", "tools/client.py", "--document", "--check")
        and run(*PYTEST, ARCHITECTURE, SIYU_TEST_NO_DATABASE="1")
    )


def advisories() -> bool:
    """Known flaws of what is locked; what cannot be asked here is told, and called neither good nor bad."""
    return run(BIN / "python", "tools/advisories.py")


def web() -> bool:
    """Builds of both apps and the mini-program, the wire types, and all that their package.json calls a check."""
    setup.prepare(mini_program=True)
    if not run(BIN / "python", "tools/client.py", "--check"):
        return False
    for app in setup.BUILDS:
        scripts = json.loads((setup.ROOT / "web" / app / "package.json").read_text())["scripts"]
        for script in sorted(scripts, reverse=True):  # types first
            if script != "typecheck" and not script.startswith("check"):
                continue
            if not run("npm", "--silent", "--prefix", f"web/{app}", "run", script, **setup.node()):
                print(f"{app}: {script} failed")
                return False
    return True


def suite() -> bool:
    """Unit, property and API tests."""
    return run(*PYTEST, *PARALLEL, *BESIDE, "tests")


def journeys() -> bool:
    """Tests in a browser; fetches one first where the machine has none."""
    if browser.find() is None:
        print(browser.MISSING)
        return False
    return run(*PYTEST, JOURNEYS)


def postgres_16() -> bool:
    """The tests that lean on PostgreSQL most, on its oldest major that siyu supports."""
    chosen = ("-m", "kernel_db and not soak")
    return run(*PYTEST, *chosen, *PARALLEL, *BESIDE, "tests", SIYU_TEST_PG="16")


STAGES: dict[str, Callable[[], bool]] = {
    "lint": lint,
    "types": types,
    "architecture": architecture,
    "advisories": advisories,
    "web": web,
    "tests": suite,
    "journeys": journeys,
    "postgres-16": postgres_16,
}


def main(names: list[str]) -> int:
    """Run the stages in order and show the table, whatever happens; the exit code."""
    if unknown := set(names) - STAGES.keys():
        print(f"No stage {', '.join(sorted(unknown))}. There are: {', '.join(STAGES)}.")
        return 2
    wanted = [name for name in STAGES if name in names or not names]
    seconds: dict[str, float] = {}
    verdicts = dict.fromkeys(wanted, "not run")
    for name in wanted:
        print(f"\n── {name} " + "─" * (76 - len(name)), flush=True)
        began = time.monotonic()
        verdicts[name] = verdict(STAGES[name])
        seconds[name] = time.monotonic() - began
        if verdicts[name] != "ok":
            break
    print("\nstage           minutes")
    for name in wanted:
        print(f"{name:<15} {seconds.get(name, 0) / 60:7.1f}  {verdicts[name]}")
    print(f"{'all':<15} {sum(seconds.values()) / 60:7.1f}")
    return 0 if set(verdicts.values()) == {"ok"} else 1


def verdict(stage: Callable[[], bool]) -> str:
    """How a stage ended: ok, FAILED or stopped."""
    try:
        return "ok" if stage() else "FAILED"
    except setup.Stopped as why:
        print(why)
        return "FAILED"
    except KeyboardInterrupt:
        return "stopped"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
