"""Laws of short names, the tree of units, and merchant text."""

from hypothesis import given
from hypothesis import strategies as st

from siyu.kernel.errors import Invalid
from siyu.people.brands import rules
from siyu.people.brands.rules import PARENTS, BadSlug, WrongParent

codes = st.from_regex(r"[a-z0-9][a-z0-9-]{0,8}", fullmatch=True)
chains = st.lists(codes, min_size=1, max_size=6)
texts = st.dictionaries(st.sampled_from(rules.LOCALES), st.text(max_size=10))


def path_of(chain: list[str]) -> str:
    path = ""
    for code in chain:
        path = rules.path_below(path, code)
    return path


@given(chains, chains)
def test_a_unit_sees_itself_and_all_below_it_and_nothing_else(top, other):
    assert rules.is_within(path_of(top), path_of(top))
    assert rules.is_within(path_of([*top, *other]), path_of(top))
    assert rules.is_within(path_of(other), path_of(top)) == (other[: len(top)] == top)


@given(chains, chains, chains)
def test_whoever_stands_higher_sees_at_least_as_much(one, two, three):
    """Scope is monotone: moving the top up never loses a unit from sight."""
    higher, lower, unit = path_of(one), path_of([*one, *two]), path_of(three)
    if rules.is_within(unit, lower):
        assert rules.is_within(unit, higher)


@given(chains, codes, codes)
def test_a_unit_whose_code_begins_like_its_neighbours_is_not_below_it(chain, code, more):
    assert not rules.is_within(path_of([*chain, code + more]), path_of([*chain, code]))


@given(st.sampled_from(sorted(PARENTS)), st.none() | st.sampled_from(sorted(PARENTS)))
def test_no_unit_stands_below_a_store_and_the_headquarters_below_nothing(kind, parent):
    try:
        rules.check_place(kind, parent)
    except WrongParent:
        return
    assert kind != "hq" and parent != "store" and parent is not None


def test_every_kind_but_the_headquarters_can_stand_right_below_it():
    for kind in PARENTS.keys() - {"hq"}:
        rules.check_place(kind, "hq")


@given(st.text("abcz019-_.A 玉", max_size=45))
def test_a_short_name_is_always_a_label_of_a_host_name(slug):
    try:
        rules.check_slug(slug)
    except BadSlug:
        return
    assert 3 <= len(slug) <= 40 and slug.isascii() and slug == slug.lower()
    assert slug[0] != "-" != slug[-1] and "--" not in slug and slug not in rules.RESERVED_SLUGS


@given(texts, st.sampled_from(["zh-CN", "en", "fr"]), st.sampled_from(rules.LOCALES))
def test_something_is_said_whenever_there_is_something_to_say(text, locale, default):
    said = rules.in_locale(text, locale, default)
    assert bool(said) == any(text.values())
    if text.get(locale):
        assert said == text[locale]


@given(st.dictionaries(st.text(max_size=5), st.text(max_size=90), max_size=3))
def test_a_name_that_is_taken_says_something_in_languages_that_are_known(name):
    try:
        rules.check_name(name)
    except Invalid:
        return
    assert set(name) <= set(rules.LOCALES) and any(text.strip() for text in name.values())
    assert all(len(text) <= 80 and "\0" not in text for text in name.values())


@given(st.lists(st.integers(0, 255), min_size=3, max_size=3), st.integers(0, 2))
def test_a_darker_colour_never_reads_worse_under_white(channels, at):
    darker = [part // 2 if n == at else part for n, part in enumerate(channels)]
    contrast = rules.contrast_with_white(channels)
    assert 1 <= contrast <= rules.contrast_with_white(darker) <= 21
