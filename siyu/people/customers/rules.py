"""Phones, codes, addresses and what is shown of them. Pure."""

import re
from datetime import timedelta

from siyu.kernel.errors import Invalid, NotSignedIn, Refusal

CODE_LIFE = timedelta(minutes=5)
CODE_TRIES = 5
CODE_EVERY = timedelta(seconds=60)
CODES_A_DAY_PER_PHONE = 10
CODES_A_DAY_PER_ADDRESS = 50
IDLE = timedelta(days=90)
LONGEST = timedelta(days=365)
SEEN_EVERY = timedelta(hours=1)
"""How often a session that is used is written down as seen."""
MOST_ADDRESSES = 20
_MAINLAND = re.compile(r"(?:\+?86)?(1[3-9][0-9]{9})")
_ELSEWHERE = re.compile(r"\+(?!86)[1-9][0-9]{6,14}")
_FILLERS = re.compile(r"[\s\-()]")


class BadPhone(Refusal):
    """The text is no phone number that can receive a code."""

    code = "customers.bad_phone"
    status = 422
    detail = (
        "Give a mainland mobile number of 11 digits, or another one with + and its country code."
    )


class WrongCode(Refusal):
    """The code is wrong, used, too old or was tried too often: which one stays unsaid."""

    code = "customers.wrong_code"
    status = 422
    detail = "The code is wrong or no longer valid. Check the digits, or ask for a new one."


class NoSmsChannel(Refusal):
    """Nobody is plugged in who could send the code."""

    code = "customers.no_sms_channel"
    status = 503
    detail = "This installation has no way of sending text messages yet, so the code cannot be sent. In the demo profile it arrives in the shop's own inbox."


class PrivacyNeeded(Refusal):
    """Nothing may be kept of a visitor who has not accepted the privacy text in force; ``facts``: version."""

    code = "customers.privacy_needed"
    status = 403
    detail = "Accept the privacy text first: POST /api/shop/session/guest with its version."


class ForeignToken(NotSignedIn):
    """The session belongs to another brand's shop."""

    code = "customers.foreign_token"
    detail = "This session belongs to another shop. Sign in here."


class TooManyAddresses(Refusal):
    """The address book is full; ``facts``: most."""

    code = "customers.too_many_addresses"
    detail = "The address book is full. Remove an address first."


class StillBusy(Refusal):
    """Orders are under way that need the customer's data; ``facts``: orders."""

    code = "customers.still_busy"
    detail = "This customer has orders under way. Finish or cancel them first; then the data can be deleted."


class NotRevealed(Refusal):
    """The role hides this field, so it cannot be revealed either; ``facts``: field."""

    code = "customers.not_revealed"
    status = 403
    detail = "Your role does not show this field."


class Forgotten(Refusal):
    """The person's data was deleted for good since the page was read; there is nothing left to show."""

    code = "customers.forgotten"
    status = 410
    detail = "This customer's data was deleted for good; there is nothing to show any more."


class NothingToReveal(Refusal):
    """The customer never left this field; ``facts``: field."""

    code = "customers.nothing_to_reveal"
    status = 404
    detail = "This customer has not left that, so there is nothing to show."


def normal_phone(text: str) -> str:
    """The number in the one form it is kept in: ``13800138000``, or ``+4915112345678`` elsewhere. Raises ``BadPhone``."""
    compact = _FILLERS.sub("", text)
    if match := _MAINLAND.fullmatch(compact):
        return match[1]
    if _ELSEWHERE.fullmatch(compact):
        return compact
    raise BadPhone


def is_phone(text: str) -> bool:
    """Whether ``normal_phone`` takes it."""
    try:
        normal_phone(text)
    except BadPhone:
        return False
    return True


def sought(q: str) -> tuple[str, str] | None:
    """What somebody is looked for by: ``(phone | last4 | name, normal form)``; None for nothing."""
    text = q.strip()
    if text.isdigit() and len(text) == 4:
        return "last4", text
    if is_phone(text):
        return "phone", normal_phone(text)
    return ("name", text) if text else None


def masked_phone(phone: str, *, hidden: bool = False) -> str:
    """``138****8000``; four digits at least stay hidden; nothing but stars when the role hides phones."""
    if hidden or len(phone) < 8:
        return "***********" if phone else ""
    shown = min(7, len(phone) - 4)
    tail = shown // 2 if phone[0] == "+" else (shown + 1) // 2
    return f"{phone[: shown - tail]}****{phone[-tail:]}"


def masked_name(name: str) -> str:
    """The first character and a star for each of the others, at most two: ``王*``, ``欧**``."""
    return name[:1] + "*" * min(max(len(name) - 1, 1), 2) if name else ""


def check_line(text: str, path: str, most: int, *, least: int = 1) -> str:
    """One line of text, trimmed. Raises ``Invalid`` when it is empty, too long or holds control characters."""
    line = text.strip()
    if not least <= len(line) <= most or any(ord(character) < 32 for character in line):
        raise Invalid(
            errors=[{"path": path, "message": f"{least} to {most} characters in one line"}]
        )
    return line
