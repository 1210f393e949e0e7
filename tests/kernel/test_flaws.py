"""A validator's messages are told by rules that any language can say, with the field they are about."""

from typing import Annotated, Literal
from uuid import UUID

import msgspec
import pytest
from msgspec import Meta, Struct

from siyu.kernel.http.flaws import flaw_of


class Line(Struct, forbid_unknown_fields=True):
    pieces: Annotated[int, Meta(ge=1, le=9)] = 1


class Form(Struct, forbid_unknown_fields=True):
    name: Annotated[str, Meta(min_length=1, max_length=3, pattern="^[^x]*$")]
    lines: Annotated[list[Line], Meta(max_length=2)] = []
    kind: Literal["a", "b"] = "a"
    code: Annotated[str, Meta(min_length=4)] = "four"
    id: UUID | None = None
    most: int | None = None


@pytest.mark.parametrize(
    ("body", "path", "rule", "facts"),
    [
        ("{}", "name", "missing", {}),
        ('{"name": ""}', "name", "missing", {}),
        ('{"name": "abcd"}', "name", "too_long", {"n": "3"}),
        ('{"name": "x"}', "name", "bad_characters", {}),
        ('{"name": 1}', "name", "wrong_kind", {}),
        ('{"name": null}', "name", "missing", {}),
        ('{"name": "a", "code": "b"}', "code", "too_short", {"n": "4"}),
        ('{"name": "a", "lines": [{}, {}, {}]}', "lines", "too_many", {"n": "2"}),
        ('{"name": "a", "lines": [{"pieces": 0}]}', "lines[0].pieces", "too_small", {"n": "1"}),
        ('{"name": "a", "lines": [{"pieces": 10}]}', "lines[0].pieces", "too_great", {"n": "9"}),
        ('{"name": "a", "lines": [{"pieces": "1"}]}', "lines[0].pieces", "no_number", {}),
        ('{"name": "a", "lines": [{"what": 1}]}', "lines[0].what", "unknown_field", {}),
        ('{"name": "a", "most": "x"}', "most", "no_number", {}),
        ('{"name": "a", "kind": "c"}', "kind", "no_choice", {}),
        ('{"name": "a", "id": "c"}', "id", "no_id", {}),
        ('{"name', "", "unreadable", {}),
    ],
)
def test_a_validators_message_becomes_a_rule_with_its_field_and_limits(body, path, rule, facts):
    with pytest.raises((msgspec.ValidationError, msgspec.DecodeError)) as refused:
        msgspec.json.decode(body, type=Form)
    flaw = flaw_of("", str(refused.value))
    assert (flaw.path, flaw.rule, flaw.facts) == (path, rule, facts)
    assert flaw.message == str(refused.value)


@pytest.mark.parametrize(
    ("message", "rule", "facts"),
    [
        ("1 to 60 characters in one line", "no_line", {"least": "1", "most": "60"}),
        ("at most 80 characters", "too_long", {"n": "80"}),
        ("must not be empty", "missing", {}),
        ("unknown locale", "no_choice", {}),
        ("one of CNY, EUR", "no_choice", {}),
        ("a colour such as #17624f", "wrong", {}),
    ],
)
def test_the_houses_own_messages_have_rules_too(message, rule, facts):
    flaw = flaw_of("name", message)
    assert (flaw.path, flaw.rule, flaw.facts) == ("name", rule, facts)


async def test_a_malformed_request_names_the_field_and_keeps_the_validators_words_as_a_fact(
    console,
):
    answer = await console.post("/api/console/links", json={})
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (400, "http.malformed")
    (flaw,) = problem["errors"]
    assert (flaw["path"], flaw["rule"]) == ("target", "missing")
    assert "missing required field" in problem["facts"]["validator"]
