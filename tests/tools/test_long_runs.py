"""A test that takes too long is ended; the long runs are meant to take long."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LONG = """
import time
import pytest

@pytest.mark.{mark}
def test_long():
    for _ in range(30):
        time.sleep(0.1)
"""


@pytest.mark.parametrize(("mark", "ends_well"), [("soak", True), ("journey", False)])
def test_only_a_long_run_may_take_longer_than_the_limit(tmp_path, mark, ends_well):
    (tmp_path / "test_it.py").write_text(LONG.format(mark=mark))
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-c", ROOT / "pyproject.toml", "-p", "tests.conftest", "-o", "faulthandler_timeout=1",
         "-p", "no:cacheprovider", tmp_path / "test_it.py"],
        cwd=ROOT, env=os.environ | {"SIYU_TEST_NO_DATABASE": "1"}, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert (done.returncode == 0) == ends_well, (done.stdout, done.stderr)
    assert ("Timeout" in done.stderr) != ends_well, done.stderr
