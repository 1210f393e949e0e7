"""Logs: one JSON line per event, or readable lines on a terminal; never a secret, never personal data."""

import logging
import re
import sys
from typing import Any

import structlog

_SECRET = re.compile(r"(://[^:/@\s]+:)[^@/\s]+@")
_NAMES = ("password", "token", "secret", "authorization", "cookie", "code", "phone", "key")


def configure_logging(level: str = "info", *also: Any) -> None:
    """Set up structlog for this process; ``also``: what else each line passes through."""
    processors: list[Any] = [
        structlog.contextvars.merge_contextvars,
        *also,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        hide_secrets,
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


def hide_secrets(_: Any, __: str, entry: dict[str, Any]) -> dict[str, Any]:
    """Blank what is named like a secret, and passwords inside URLs."""
    for name, value in entry.items():
        if name in _NAMES or name.endswith(("_password", "_token", "_secret", "_key")):
            entry[name] = "***"
        elif isinstance(value, str) and "://" in value:
            entry[name] = _SECRET.sub(r"\1***@", value)
    return entry
