"""The one place that reads the time. In the demo and in simulations it can be set."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

_shift = timedelta(0)
_frozen: datetime | None = None


def now() -> datetime:
    """The present instant, aware, in UTC."""
    if _frozen is not None:
        return _frozen
    return datetime.now(UTC) + _shift


def today(time_zone: str) -> date:
    """The calendar day it is now in a shop's time zone, e.g. ``Asia/Shanghai``."""
    return now().astimezone(ZoneInfo(time_zone)).date()


def zone(time_zone: str) -> ZoneInfo:
    """A time zone by its name."""
    return ZoneInfo(time_zone)


def start_of_day(day: date, time_zone: str) -> datetime:
    """The instant at which a shop's calendar day begins, in UTC."""
    return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(time_zone)).astimezone(UTC)


def shift(by: timedelta) -> None:
    """Let this process's clock run ahead of (or behind) the machine's by ``by``."""
    global _shift
    _shift = by


def freeze(at: datetime | None) -> None:
    """Hold the clock at an aware instant; ``None`` lets it run again."""
    global _frozen
    assert at is None or at.tzinfo is not None
    _frozen = at
