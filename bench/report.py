"""What a bench says: the machine, the conditions, each figure with its rounds, and whether everything was exact."""

import os
import platform
import statistics
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from siyu.kernel import clock


class Figure(msgspec.Struct):
    """A measured number. ``load`` is the machine's load average (1 min) before each round."""

    name: str
    unit: str
    rounds: list[float]
    load: list[float] = []
    target: float | None = None
    less_is_better: bool = False
    notes: dict[str, Any] = {}
    minimum: float = 0.0
    median: float = 0.0
    maximum: float = 0.0
    reached: bool | None = None
    """Whether the median is at the target; None without one."""

    def __post_init__(self) -> None:
        self.minimum, self.maximum = min(self.rounds), max(self.rounds)
        self.median = statistics.median(self.rounds)
        if self.target is not None:
            self.reached = (
                self.median <= self.target if self.less_is_better else self.median >= self.target
            )


class Check(msgspec.Struct):
    """A sentence that must be true after the bench, and the numbers that show it."""

    sentence: str
    holds: bool
    facts: dict[str, Any] = {}


class Report(msgspec.Struct):
    """The answer of one bench."""

    bench: str
    conditions: dict[str, Any]
    figures: list[Figure] = []
    checks: list[Check] = []
    machine: dict[str, Any] = {}
    began_at: datetime = msgspec.field(default_factory=clock.now)

    def __post_init__(self) -> None:
        self.machine = self.machine or machine()

    @property
    def exact(self) -> bool:
        """Whether every check holds."""
        return all(check.holds for check in self.checks)

    def check(self, sentence: str, holds: bool, **facts: Any) -> None:  # noqa: FBT001
        """Note a check."""
        self.checks.append(Check(sentence, bool(holds), facts))

    def text(self) -> str:
        """The report for a person."""
        m = self.machine
        lines = [
            (
                f"{self.bench}: {m['cores']} cores, {m['memory_gb']} GB, {m['system']}, Python {m['python']}, "
                f"load average before {m['load_average'][0]:.1f}"
            ),
            "  " + ", ".join(f"{name} {value}" for name, value in self.conditions.items()),
        ]
        for one in self.figures:
            aim = ""
            if one.target is not None:
                sign = "<=" if one.less_is_better else ">="
                aim = f"  ({sign} {_short(one.target)}: {'reached' if one.reached else 'BELOW TARGET'})"
            loads = "/".join(f"{load:.1f}" for load in one.load)
            lines.append(
                f"  {one.name:<46} {_short(one.median):>9} {one.unit}  [{_short(one.minimum)}–{_short(one.maximum)}, "
                f"{len(one.rounds)} rounds{', load ' + loads if loads else ''}]{aim}"
            )
            lines += [f"      {name}: {value}" for name, value in one.notes.items()]
        lines += [
            f"  {'ok ' if c.holds else 'NOT'} {c.sentence}  {c.facts or ''}" for c in self.checks
        ]
        return "\n".join(lines)


def _short(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.2f}"


def load_average() -> float:
    """Of the last minute."""
    return round(os.getloadavg()[0], 2)


def machine() -> dict[str, Any]:
    """Where the figures come from."""
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    model = ""
    info = Path("/proc/cpuinfo")
    if info.exists():
        model = next(
            (
                line.split(":", 1)[1].strip()
                for line in info.read_text().splitlines()
                if line.startswith("model name")
            ),
            "",
        )
    return {
        "cores": len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count(),
        "processor": model,
        "memory_gb": round(pages / 2**30, 1),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "load_average": [round(one, 2) for one in os.getloadavg()],
    }


SPENT = "ms of CPU per answer, by round"


class Usage:
    """What a round cost, from its making to ``of``."""

    def __init__(self, stack: Any) -> None:
        self._stack, self._began = stack, time.perf_counter()
        self._house, self._busy = stack.cpu(), _busy_s()

    def of(self, answers: int, generator_s: float) -> dict[str, float]:
        """Milliseconds of CPU per answer by part of the house.

        ``all`` together; and ``other cores``, the cores that the rest of the machine took away meanwhile. The former hardly depend on the latter.
        """
        answers = max(1, answers)
        seconds = time.perf_counter() - self._began
        used = {role: now - self._house.get(role, 0.0) for role, now in self._stack.cpu().items()}
        used["generator"] = generator_s
        if not self._house:
            return {}
        cost = {
            role: round(1000 * spent / answers, 3)
            for role, spent in used.items()
            if role != "supervisor"
        }
        others = max(0.0, _busy_s() - self._busy - sum(used.values())) / seconds
        return cost | {"all": round(sum(cost.values()), 3), "other cores": round(others, 2)}


def _busy_s() -> float:
    """CPU seconds that the whole machine has worked so far."""
    stat = Path("/proc/stat")
    if not stat.exists():
        return 0.0
    user, nice, system, _, _, interrupt, soft, *_ = (
        int(ticks) for ticks in stat.read_text().split("\n", 1)[0].split()[1:]
    )
    return (user + nice + system + interrupt + soft) / os.sysconf("SC_CLK_TCK")
