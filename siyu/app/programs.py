"""What the supervisor of ``siyu up`` says about its programs: a file in the data folder, written at each change."""

import time
from pathlib import Path
from typing import Any

import msgspec

NOTE = "programs.json"


class Program(msgspec.Struct):
    """A child of the supervisor: whether it is up, since how many seconds, and how often it came back."""

    name: str
    up: bool
    restarts: int
    up_s: int = 0
    why: str = ""
    """How it ended last."""


class _Noted(msgspec.Struct):
    name: str
    up: bool = False
    starts: int = 0
    since: float = 0.0
    why: str = ""


class Programs:
    """Hears what the supervisor announces and keeps the file; what cannot be written is left out."""

    def __init__(self, home: Path) -> None:
        self._path = home / NOTE
        self._noted: dict[str, _Noted] = {}

    def hear(self, event: str, **facts: Any) -> None:
        """Take what the supervisor announces (``child_started``, ``child_ready``, ``child_died`` and so on)."""
        name = facts.get("name")
        if not name or not event.startswith("child_"):
            return
        one = self._noted.setdefault(str(name), _Noted(str(name)))
        if event == "child_started":
            one.starts += 1
        elif event == "child_ready":
            one.up, one.since = True, time.time()
        else:
            one.up, one.since = False, time.time()
            one.why = str(facts.get("how", facts.get("why", "")))[:200] or one.why
        draft = self._path.with_suffix(".draft")
        try:
            draft.write_bytes(msgspec.json.encode(list(self._noted.values())))
            draft.replace(self._path)
        except OSError:  # a full disk must not end the supervisor
            return

    def forget(self) -> None:
        """The supervisor ends."""
        self._path.unlink(missing_ok=True)


def programs(home: Path) -> list[Program]:
    """The programs of the supervisor that keeps this folder; none when nobody does, or engines are elsewhere."""
    try:
        noted = msgspec.json.decode((home / NOTE).read_bytes(), type=list[_Noted])
    except (OSError, msgspec.DecodeError):
        return []
    now = time.time()
    return [
        Program(one.name, one.up, max(0, one.starts - 1), int(now - one.since), one.why)
        for one in noted
    ]
