"""What a notice may say: kinds, their variables, templates and what becomes of a try. Pure."""

import re
import unicodedata
from collections.abc import Mapping
from datetime import timedelta

import msgspec

from siyu.kernel.errors import Refusal

LocaleText = dict[str, str]
LOCALES = ("zh-CN", "en")
LONGEST = 300
STATES = ("waiting", "sending", "sent", "failed", "given_up")
"""``failed``: the provider said no for good. ``given_up``: nobody could be told; the reason stands beside it."""
CHANNELS = ("inbox", "sms", "mail")
FOR_CUSTOMERS = ("inbox", "sms")
"""Of customers only a phone is known. The first of these that is open is used unless the brand chose."""
CHOICES = ("auto", *FOR_CUSTOMERS, "off")
TRIES = 8
_SLOT = re.compile(r"\{([^{}]*)\}")
_JOINER = "\u200d"
_PICTURES = ("So", "Sk", "Mn")
"""Categories of what a joiner joins: pictures, shades of skin, the sign that asks for the coloured form."""


class Variable(msgspec.Struct, frozen=True):
    """What stands in braces in a template.

    ``must``: a text without it would be of no use to the reader. ``secret``: opens something to whoever knows it, so it
    is for the reader alone and staff never see it in the outbox.
    """

    name: str
    label: LocaleText
    sample: LocaleText
    must: bool = False
    secret: bool = False


class Kind(msgspec.Struct, frozen=True):
    """A kind of notice, declared by the module that knows the facts. Each also has the variable ``brand``."""

    code: str
    name: LocaleText
    variables: tuple[Variable, ...]
    texts: LocaleText
    """The text of each locale until the brand writes its own."""


BLANK = "••••"
"""What staff read in the place of a secret."""
BRAND = Variable("brand", {"zh-CN": "品牌名", "en": "Brand"}, {"zh-CN": "", "en": ""})
kinds: dict[str, Kind] = {}


class UnknownPlaceholder(Refusal):
    """A template names something that this kind of notice does not know; ``facts``: name, known."""

    code = "notices.unknown_placeholder"
    status = 422
    detail = (
        "The text has a placeholder that this notice does not know. Use the ones listed beside it."
    )


class MissingPlaceholder(Refusal):
    """A template leaves out what the reader needs; ``facts``: name."""

    code = "notices.missing_placeholder"
    status = 422
    detail = "The text lacks a placeholder that its reader needs. Put it in."


class BadTemplate(Refusal):
    """A template cannot be kept; what is wrong with it is told by the kinds of this refusal."""

    code = "notices.bad_template"
    status = 422
    detail = f"A text has 1 to {LONGEST} characters that a phone can show; braces only around placeholders."


class EmptyText(BadTemplate):
    """A template has nothing but blanks."""

    code = "notices.empty_text"
    detail = "The text is empty. Write what the customer is to be told, or go back to the default."


class TextTooLong(BadTemplate):
    """A template is too long; ``facts``: length, longest."""

    code = "notices.text_too_long"
    detail = f"The text is longer than {LONGEST} characters. Shorten it."


class LoneBrace(BadTemplate):
    """A brace is opened and not closed, or closed and not opened; ``facts``: example."""

    code = "notices.lone_brace"
    detail = "A brace in the text is not closed or not opened. Braces only stand around placeholders, as in {number}."


class Unprintable(BadTemplate):
    """A character that no phone shows, e.g. NUL or a bell; ``facts``: character (``U+0000``), position from 1."""

    code = "notices.unprintable"
    detail = "The text has an invisible control character. Take it out, or type the text instead of pasting it."


class ChangedMeanwhile(Refusal):
    """Somebody else saved this text after it was read."""

    code = "notices.changed_meanwhile"
    detail = "Somebody else changed this text meanwhile. Load it again, then save yours."


class NotOver(Refusal):
    """Only what failed or was given up is tried again."""

    code = "notices.not_over"
    detail = "This notice was sent or is still on its way; only one that failed can be tried again."


class NobodyThere(Refusal):
    """The person was forgotten: there is nobody to tell, and no text any more."""

    code = "notices.nobody_there"
    status = 410
    detail = "This person's data was deleted for good; nothing is sent to them."


class Unopenable(Refusal):
    """What is sealed of the notice does not open: it was changed, or its key is gone."""

    code = "notices.unopenable"
    detail = "This notice cannot be opened with the keys that are here, so it cannot be sent. Put the keys back, then try again."


class NotDelivered(Refusal):
    """The sign-in code could not be handed to the provider of text messages."""

    code = "notices.not_delivered"
    status = 503
    detail = "The text message could not be sent just now. Try again in a minute."


def declare(kind: Kind) -> Kind:
    """Register a kind of notice. Its own texts must be ones that could be saved."""
    assert kind.code not in kinds, f"two kinds of notices are called {kind.code}"
    for locale in LOCALES:
        assert checked(kind, kind.texts[locale]) == kind.texts[locale]
    kinds[kind.code] = kind
    return kind


def checked(kind: Kind, text: str) -> str:
    """A template as it is kept. Raises a kind of ``BadTemplate``, ``UnknownPlaceholder``, ``MissingPlaceholder``."""
    text = text.strip()
    if not text:
        raise EmptyText
    if len(text) > LONGEST:
        raise TextTooLong(length=len(text), longest=LONGEST)
    if (at := _hidden(text)) is not None:
        raise Unprintable(character=f"U+{ord(text[at]):04X}", position=at + 1)
    plain = _SLOT.sub("", text)
    if "{" in plain or "}" in plain:
        raise LoneBrace(example=f"{{{(kind.variables or (BRAND,))[0].name}}}")
    known = {one.name: one for one in (BRAND, *kind.variables)}
    named = _SLOT.findall(text)
    for name in named:
        if name not in known:
            raise UnknownPlaceholder(name=name[:40], known=list(known))
    for one in known.values():
        if one.must and one.name not in named:
            raise MissingPlaceholder(name=one.name)
    return text


def _hidden(text: str) -> int | None:
    """Where the first character stands that no phone shows. The joiner within an emoji (a family, a flag) is shown."""
    for at, one in enumerate(text):
        if one.isprintable() or one == "\n" or unicodedata.category(one) == "Zs":
            continue
        around = text[at - 1 : at], text[at + 1 : at + 2]
        if (
            one == _JOINER
            and all(unicodedata.category(each) in _PICTURES for each in around if each)
            and all(around)
        ):
            continue
        return at
    return None


def rendered(template: str, facts: Mapping[str, str | LocaleText], locale: str) -> str:
    """The text with its facts in it; facts are never read as templates. What is not known stays empty."""

    def fact(slot: re.Match[str]) -> str:
        value = facts.get(slot[1], "")
        return value if isinstance(value, str) else in_locale(value, locale)

    return _SLOT.sub(fact, template)


def blanked(
    kind: Kind, facts: Mapping[str, str | LocaleText]
) -> dict[str, str | LocaleText] | None:
    """Facts as staff may read them; ``None`` when the kind has no secret and they are the same."""
    secrets = {one.name for one in kind.variables if one.secret}
    return {**facts, **dict.fromkeys(secrets, BLANK)} if secrets else None


def in_locale(text: LocaleText, locale: str) -> str:
    """A text in a locale, else in any that it has."""
    return text.get(locale) or next((one for one in text.values() if one), "")


def samples(kind: Kind, brand: LocaleText) -> dict[str, str | LocaleText]:
    """Facts to show a template with."""
    return {"brand": brand, **{one.name: one.sample for one in kind.variables}}


def pause(tries: int) -> timedelta | None:
    """How long to wait after so many tries: 10 s, 40 s … an hour; ``None``: enough."""
    return None if tries >= TRIES else timedelta(seconds=min(10 * 4 ** (tries - 1), 3600))
