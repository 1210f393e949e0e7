"""What the two apps ask for exists, and answers with the type that they expect."""

import json
import re
from pathlib import Path
from typing import Any, NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[2]
WEB = ROOT / "web"
CONSOLE = re.compile(
    r"\b(get|post|put|patch|remove|upload)<((?:[^<>()]|<[^<>]*>)+)>\(\s*([`'])(.*?)\3"
)
MOBILE = re.compile(r"\bask<((?:[^<>()]|<[^<>]*>)+)>\(\s*'(\w+)',\s*([`'])(.*?)\3")
METHODS = {"remove": "delete", "upload": "post"}


class Call(NamedTuple):
    """A call in an app's code: where, what it asks, and the type it expects."""

    where: str
    method: str
    path: str
    expects: str


def plain(path: str) -> str:
    """A path with all parameters alike."""
    return re.sub(r"\$?\{[^}]*\}", "{}", path.partition("?")[0])


def calls() -> list[Call]:
    found: list[Call] = []
    for file in sorted((WEB / "console" / "src").rglob("*")):
        if file.suffix in (".ts", ".vue"):
            for word, expects, _, path in CONSOLE.findall(file.read_text()):
                found.append(
                    Call(file.name, METHODS.get(word, word), f"/api/console{plain(path)}", expects)
                )
    for file in sorted((WEB / "mobile" / "src").rglob("*")):
        if file.suffix in (".ts", ".vue"):
            for expects, method, _, path in MOBILE.findall(file.read_text()):
                found.append(Call(file.name, method.lower(), f"/api/shop{plain(path)}", expects))
    return found


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    return json.loads((WEB / "client" / "openapi.json").read_text())


def answer_of(operation: dict[str, Any]) -> str:
    """The component that an operation answers with; ``void`` for nothing."""
    (answer,) = [one for status, one in operation["responses"].items() if status < "300"]
    if "content" not in answer:
        return "void"
    return answer["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]


def is_list_of(name: str, item: str, *, paged: bool, schemas: dict[str, Any]) -> bool:
    properties = schemas[name]["properties"]
    held = properties.get("items", {}).get("items", {}).get("$ref", "").rpartition("/")[2]
    return held == item and paged == ("next" in properties)


def test_every_call_of_the_apps_asks_an_operation_and_expects_its_answer(described):
    operations = {
        (method, plain(path)): operation
        for path, item in described["paths"].items()
        for method, operation in item.items()
    }
    schemas, wrong = described["components"]["schemas"], []
    for call in calls():
        operation = operations.get((call.method, call.path)) or next(
            (
                one
                for (method, path), one in operations.items()
                if method == call.method and re.fullmatch(path.replace("{}", "[^/{}]+"), call.path)
            ),
            None,
        )
        if operation is None:
            wrong.append(f"{call.where}: no {call.method} {call.path}")
            continue
        answers = answer_of(operation)
        if paged := re.fullmatch(r"Page<(\w+)>", call.expects):
            fits = is_list_of(answers, paged[1], paged=True, schemas=schemas)
        elif listed := re.fullmatch(r"\{ items: (\w+)\[\] \}", call.expects):
            fits = is_list_of(answers, listed[1], paged=False, schemas=schemas)
        else:
            fits = answers == call.expects
        if not fits:
            wrong.append(
                f"{call.where}: {call.method} {call.path} answers {answers}, not {call.expects}"
            )
    assert not wrong, "\n".join(wrong)
    assert len(calls()) > 90
