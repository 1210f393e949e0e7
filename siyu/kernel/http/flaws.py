"""What is wrong with a part of the input, by stable rules: clients say it in their reader's language."""

import re
from collections.abc import Iterable

import msgspec


class Flaw(msgspec.Struct):
    """What is wrong with one part of the input.

    ``rule`` is stable, ``facts`` are its limits; ``message`` is the validator's own, for developers.
    """

    path: str
    message: str
    rule: str = "wrong"
    facts: dict[str, str] = {}


_PATH = re.compile(r" - at `(?:key in )?\$\.?([^`]*)`$")
_RULES = tuple(
    (re.compile(pattern), rule)
    for pattern, rule in (
        (r"Object missing required field `(?P<field>[^`]+)`", "missing"),
        (r"Object contains unknown field `(?P<field>[^`]+)`", "unknown_field"),
        (r"Missing required \w+ parameter '(?P<field>[^']+)'", "missing"),
        (
            r"Expected `str` of length >= 1$|got `null`$|^missing$|must not be empty|^Give ",
            "missing",
        ),
        (r"Expected `str` of length >= (?P<n>\d+)", "too_short"),
        (r"Expected `str` of length <= (?P<n>\d+)", "too_long"),
        (r"^at most (?P<n>\d+) characters", "too_long"),
        (r"^too_long$|missing or too_long", "too_long_somehow"),
        (r"Expected `(?:array|object)` of length >= (?P<n>\d+)", "too_few"),
        (r"Expected `(?:array|object)` of length <= (?P<n>\d+)", "too_many"),
        (r"Expected `(?:int|float|decimal)` >=? (?P<n>-?[\d.]+)", "too_small"),
        (r"Expected `(?:int|float|decimal)` <=? (?P<n>-?[\d.]+)", "too_great"),
        (r"Expected `str` matching regex|^bad_code$|^bad_handle$|^NUL$", "bad_characters"),
        (r"Expected `(?:int|float|decimal)\b", "no_number"),
        (r"^Expected `", "wrong_kind"),
        (r"^Invalid enum value|^unknown|^one of |^distinct, of|^no_such_value$", "no_choice"),
        (r"^Invalid RFC3339|^an instant with|^no_time_zone$", "no_date"),
        (r"^(?P<least>\d+) to (?P<most>\d+) characters in one line", "no_line"),
        (r"^repeated", "repeated"),
        (r"^Invalid UUID", "no_id"),
        (r"truncated|^JSON is malformed|^The body is nested|not UTF-8|Invalid UTF-8", "unreadable"),
    )
)


def flaw_of(path: str, message: str) -> Flaw:
    """A validator's message as a flaw: its rule, its limits, and the whole path to the part it is about."""
    said = message
    if at := _PATH.search(message):
        said = message[: at.start()]
        path = path if not at[1] else f"{path}.{at[1]}" if path and path != at[1] else at[1]
    for pattern, rule in _RULES:
        if found := pattern.search(said):
            facts = {name: value for name, value in found.groupdict().items() if value is not None}
            field = facts.pop("field", "")
            if field and (path == field or path.endswith(f".{field}")):
                field = ""  # some validators have put it into the path themselves
            whole = ".".join(part for part in (path, field) if part)
            return Flaw(whole.removeprefix("data."), message, rule, facts)
    return Flaw(path.removeprefix("data."), message)


def flaws_of(errors: Iterable[dict[str, str]]) -> list[Flaw]:
    """The ``errors`` of a refusal, each with its rule."""
    return [flaw_of(error["path"], error["message"]) for error in errors]
