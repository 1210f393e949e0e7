"""Logs: one JSON line per event, or readable lines on a terminal; never a secret, never personal data."""

import logging
import re
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import structlog

_SECRET = re.compile(r"(://[^:/@\s]+:)[^@/\s]+@")
_SLOW = "slow statement"
"""As ``siyu.kernel.slow`` calls it; that module would be loaded by every start."""
_KEEPS = 20 << 20
_NAMES = ("password", "token", "secret", "authorization", "cookie", "code", "phone", "key")


def configure_logging(level: str = "info", *also: Any, slow_into: Path | None = None) -> None:
    """Set up structlog for this process; ``also``: what else each line passes through.

    ``slow_into``: a file that takes slow statements instead, for a command or a screen that somebody reads.
    """
    processors: list[Any] = [
        structlog.contextvars.merge_contextvars,
        *also,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        hide_secrets,
        *([_SlowInto(slow_into)] if slow_into else []),
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
        if sys.stderr.isatty()
        else structlog.processors.JSONRenderer(),
    ]
    structlog.configure(
        processors=processors,
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.getLevelNamesMapping()[level.upper()]
        ),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )


def slow_log(home: Path, *, command: bool) -> Path | None:
    """Where slow statements belong: beside the engines' logs when somebody reads the screen, else among all other lines."""
    return home / "logs" / "slow.log" if command or sys.stderr.isatty() else None


class _SlowInto:
    """Slow statements as JSON lines in a file; a large one is put aside, so that at most two are kept."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __call__(self, _: Any, __: str, entry: dict[str, Any]) -> dict[str, Any]:
        if entry.get("event") != _SLOW:
            return entry
        with suppress(OSError):  # nobody waits for this line, and the console has the statement
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            if self._path.exists() and self._path.stat().st_size > _KEEPS:
                self._path.replace(self._path.with_suffix(".log.1"))
            with self._path.open("ab") as file:
                file.write(msgspec.json.encode(entry, enc_hook=str) + b"\n")
        raise structlog.DropEvent


def hide_secrets(_: Any, __: str, entry: dict[str, Any]) -> dict[str, Any]:
    """Blank what is named like a secret, and passwords inside URLs."""
    for name, value in entry.items():
        if name in _NAMES or name.endswith(("_password", "_token", "_secret", "_key")):
            entry[name] = "***"
        elif isinstance(value, str) and "://" in value:
            entry[name] = _SECRET.sub(r"\1***@", value)
    return entry
