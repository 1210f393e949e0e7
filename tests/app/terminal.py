"""The program at a terminal: one real process that runs command after command through its own entry point.

``python -m tests.app.terminal`` reads ``{"words", "env"}`` a line and answers ``{"status", "out", "err"}``; loading
the program takes seconds, a command tenths of one.
"""

import contextlib
import io
import json
import os
import subprocess
import sys
import traceback
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[2]
QUIET = {"NO_COLOR": "1", "TERM": "dumb", "COLUMNS": "300"}

GOODS = """handle,title,title_en,sku,price,list_price,stock,status
cup,青瓷杯,Celadon cup,CUP-1,128.00,160.00,12,on_sale
tin,肉桂 50 g,Cinnamon oolong,TIN-50,88.50,,40,on_sale
ring,素圈戒指,Plain band,RING-12,1999.00,,3,draft
"""


class Said(NamedTuple):
    """How a command ended and what it printed."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Terminal:
    """Runs commands with some settings in the environment; ``close`` it after use."""

    def __init__(self, **settings: str) -> None:
        self._settings = settings
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.app.terminal"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**bare(), **QUIET},
        )

    def __call__(self, *words: object, **settings: str) -> Said:
        """Run ``siyu WORDS``; further settings hold for this command only."""
        assert self._process.stdin is not None and self._process.stdout is not None
        env = {f"SIYU_{k.upper()}": v for k, v in {**self._settings, **settings}.items()}
        line = json.dumps({"words": [str(word) for word in words], "env": env})
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        return Said(**json.loads(self._process.stdout.readline()))

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(10)


def bare() -> dict[str, str]:
    """The environment without any setting of the program."""
    return {name: value for name, value in os.environ.items() if not name.startswith("SIYU_")}


def process(*words: str, **settings: str) -> Said:
    """``siyu WORDS`` as a process of its own."""
    env = {**bare(), **QUIET, **{f"SIYU_{k.upper()}": v for k, v in settings.items()}}
    ended = subprocess.run(
        [str(Path(sys.executable).parent / "siyu"), *words],
        capture_output=True, text=True, env=env, timeout=120, check=False, cwd=ROOT,
    )  # fmt: skip
    return Said(ended.returncode, ended.stdout, ended.stderr)


def answer_all() -> None:
    """Run what is asked for, in this process, until there is nothing more to read."""
    from siyu.app.cli import main

    usual = dict(os.environ)
    for line in sys.stdin:
        asked = json.loads(line)
        os.environ.clear()
        os.environ.update(usual | asked["env"])
        sys.argv = ["siyu", *asked["words"]]
        out, err, status = io.StringIO(), io.StringIO(), 0
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                main()
            except SystemExit as ended:
                status = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
            except Exception:  # noqa: BLE001 – as Python ends a program
                traceback.print_exc(file=err)
                status = 1
        said = {"status": status, "out": out.getvalue(), "err": err.getvalue()}
        sys.__stdout__.write(json.dumps(said) + "\n")  # pyright: ignore[reportOptionalMemberAccess]
        sys.__stdout__.flush()  # pyright: ignore[reportOptionalMemberAccess]


if __name__ == "__main__":
    answer_all()


def refused(said: Said) -> str:
    """The one sentence that a refusal is."""
    assert (said.status, said.out) == (2, "")
    sentence = said.err.strip()
    assert "Traceback" not in sentence and "\n" not in sentence
    assert sentence.startswith("siyu: ")
    return sentence
