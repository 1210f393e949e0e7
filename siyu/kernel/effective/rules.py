"""What may be dated, which values it takes, and what holds at a moment. Pure."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Generic, Literal, TypeVar

import msgspec

from siyu.kernel.errors import Refusal

LocaleText = dict[str, str]
Kind = Literal["number", "duration", "flag", "choice", "text", "reference"]
"""``duration`` counts whole minutes. A ``reference`` names a thing of a module, which sets it at its own door."""
V = TypeVar("V")
SETTLED = timedelta(seconds=3)
"""So long before its start an entry is settled: a withdrawal that commits later would undo what somebody has seen."""
FARTHEST = timedelta(days=3 * 366)
LONGEST_REASON = 200


class Setting(msgspec.Struct, Generic[V], frozen=True, kw_only=True):
    """Something whose value holds from a moment on; ``default`` holds before the first."""

    code: str
    kind: Kind
    default: V
    label: LocaleText
    note: LocaleText
    """What it does, in one sentence to a merchant."""
    least: int = 0
    most: int = 0
    """Bounds of a number or a duration; of the length of a text."""
    choices: tuple[tuple[str, LocaleText], ...] = ()


class Entry(msgspec.Struct, frozen=True):
    """A value and the moment from which it holds."""

    starts_at: datetime
    value: Any


settings: dict[str, Setting[Any]] = {}


def declare(setting: Setting[V]) -> Setting[V]:
    """Make a setting known under its code; its default must be one of its values (a reference's is nothing)."""
    assert setting.code not in settings, f"two settings called {setting.code}"
    if setting.kind != "reference":
        checked(setting, setting.default)
    settings[setting.code] = setting
    return setting


class UnknownSetting(Refusal):
    """Nothing of this name can be set here; ``facts``: code."""

    code = "effective.unknown_setting"
    status = 404
    detail = "There is no such setting. GET /api/console/effective lists them."


class WrongType(Refusal):
    """The value is of another kind; ``facts``: kind, choices."""

    code = "effective.wrong_type"
    status = 422
    detail = "The value is not of this setting's kind."


class OutOfBounds(Refusal):
    """The value is too small or too large (a text: too short or too long); ``facts``: least, most."""

    code = "effective.out_of_bounds"
    status = 422
    detail = "The value is outside what this setting allows."


class PastStart(Refusal):
    """The moment is over: what held then is history. ``facts``: starts_at, now."""

    code = "effective.past_start"
    status = 422
    detail = "The start lies in the past. Choose a later moment, or let it hold from now on."


class TooFar(Refusal):
    """The moment is further away than anybody plans; ``facts``: starts_at, latest."""

    code = "effective.too_far"
    status = 422
    detail = "The start is more than three years away. Choose an earlier moment."


class MomentTaken(Refusal):
    """Another value begins at this very moment; ``facts``: starts_at, set_by."""

    code = "effective.moment_taken"
    detail = "Somebody has planned another value for this very moment. Withdraw it first, or choose another moment."


class ChangedMeanwhile(Refusal):
    """Somebody else planned, set or withdrew something since it was read; ``facts``: version."""

    code = "effective.changed_meanwhile"
    detail = (
        "Somebody else changed this setting meanwhile. Look at it again and repeat your change."
    )


class NothingNew(Refusal):
    """The value is the one that holds at that moment anyway."""

    code = "effective.nothing_new"
    detail = "This value holds at that moment already."


class HoldsAlready(Refusal):
    """What holds, held, or is about to hold stays in the history; ``facts``: starts_at."""

    code = "effective.holds_already"
    detail = "It holds already, or begins within seconds, and cannot be withdrawn. Set another value instead."


class ReasonNeeded(Refusal):
    """A change without a reason explains nothing to who reads the history."""

    code = "effective.reason_needed"
    status = 422
    detail = f"Say why, in 1 to {LONGEST_REASON} characters."


def checked(setting: Setting[V], value: Any) -> V:
    """The value, if the setting takes it. Raises ``WrongType``, ``OutOfBounds``."""
    codes = [code for code, _ in setting.choices]
    if not fits(setting, value):
        raise WrongType(code=setting.code, kind=setting.kind, choices=codes)
    size = len(value) if setting.kind == "text" else value
    if setting.kind in ("number", "duration", "text") and not setting.least <= size <= setting.most:
        raise OutOfBounds(code=setting.code, least=setting.least, most=setting.most)
    return value


def fits(setting: Setting[Any], value: Any) -> bool:
    """Whether a value is of the setting's kind, whatever its size."""
    if setting.kind == "flag":
        return type(value) is bool
    if setting.kind == "text":
        return isinstance(value, str) and value.isprintable()
    if setting.kind == "choice":
        return value in [code for code, _ in setting.choices]
    return type(value) is int


def understood(setting: Setting[V], entry: Entry | None) -> V:
    """What an entry (the one that holds) means; the default without one, or when it is of a kind that is no more."""
    return entry.value if entry is not None and fits(setting, entry.value) else setting.default


def holding(entries: Iterable[Entry], at: datetime) -> Entry | None:
    """The entry that holds at a moment: the last that has begun. From its start on, that instant included, to the next's."""
    begun = [entry for entry in entries if entry.starts_at <= at]
    return max(begun, key=lambda entry: entry.starts_at) if begun else None


def check_start(starts_at: datetime, now: datetime) -> datetime:
    """A planned start, if it lies ahead. Raises ``PastStart``, ``TooFar``."""
    if starts_at <= now:
        raise PastStart(starts_at=starts_at.isoformat(), now=now.isoformat())
    if starts_at > now + FARTHEST:
        raise TooFar(starts_at=starts_at.isoformat(), latest=(now + FARTHEST).isoformat())
    return starts_at


def check_withdrawal(starts_at: datetime, now: datetime) -> None:
    """Raises ``HoldsAlready`` unless the start is far enough ahead."""
    if starts_at <= now + SETTLED:
        raise HoldsAlready(starts_at=starts_at.isoformat())


def cleaned_reason(reason: str) -> str:
    """A reason as it is kept. Raises ``ReasonNeeded``."""
    words = " ".join(reason.split())
    if not 1 <= len(words) <= LONGEST_REASON or not words.isprintable():
        raise ReasonNeeded
    return words
