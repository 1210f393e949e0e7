"""The document of the API says what the application really serves, whole and readable."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from litestar.routes import ASGIRoute, HTTPRoute
from typer.testing import CliRunner

from siyu.app import wiring
from siyu.app.cli import whole
from siyu.app.openapi.structs import PREFIX, references
from siyu.app.openapi.words import PLUGGED, SETS
from siyu.app.web import _ALLOWED, _HEALTH, document, litestar_app
from siyu.insight.tracking import rules as tracking

BELOW = {  # what a raw door serves below its prefix, or a mount below its path
    "/v1/": [f"/v1/{kind}" for kind in (*tracking.MANY, *tracking.TYPES)],
    "/l/": ["/l/{code}"],
    "/api/shop/products/": ["/api/shop/products/{name}"],
    "/media": ["/media/{brand}/{picture}/{size}"],
}
NOT_ENDPOINTS = {"OPTIONS", "HEAD"}  # preflights, and GET without its body


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    return document()


def operations(described: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    return {
        (method.upper(), path): operation
        for path, item in described["paths"].items()
        for method, operation in item.items()
    }


def served(runtime: Any) -> set[tuple[str, str]]:
    found: set[tuple[str, str]] = set()
    for route in litestar_app(runtime).routes:
        if isinstance(route, HTTPRoute):
            path = re.sub(r"\{(\w+):\w+\}", r"{\1}", route.path_format)
            found |= {(str(method), path) for method in route.methods}
        elif isinstance(route, ASGIRoute):
            found |= {("GET", path) for path in BELOW[route.path]}
    for hot in wiring.HOT:
        paths = BELOW[hot.path] if hot.path.endswith("/") else [hot.path]
        found |= {(hot.method, path) for path in paths}
    return {(method, path) for method, path in found if method not in NOT_ENDPOINTS}


def test_every_endpoint_that_is_served_stands_in_the_document_and_no_other(runtime, described):
    assert operations(described).keys() == served(runtime)


def test_every_address_of_the_document_is_let_in_by_a_door(described):
    doors = tuple(prefix for prefixes in _ALLOWED.values() for prefix in prefixes)
    strangers = [
        path
        for path in described["paths"]
        if not path.startswith(doors) and path not in (*_HEALTH, "/metrics")
    ]
    assert strangers == []


def test_operations_have_readable_ids_and_a_plain_summary(described):
    every = operations(described).values()
    assert all(re.fullmatch(r"[a-z]+(_[a-z]+)*", one["operationId"]) for one in every)
    assert [one["operationId"] for one in every if len(one["summary"]) < 4] == []


def test_every_operation_says_what_it_takes_answers_and_refuses(described):
    for (method, path), operation in operations(described).items():
        where = f"{method} {path}"
        assert {"4XX", "5XX"} <= operation["responses"].keys(), where
        done = {status: one for status, one in operation["responses"].items() if status < "400"}
        assert done, where
        for status, answer in done.items():
            if status not in ("204", "302"):
                (content,) = answer["content"].values()
                assert content["schema"] != {}, where
        inside = {one["name"] for one in operation.get("parameters", ()) if one["in"] == "path"}
        assert inside == set(re.findall(r"\{(\w+)\}", path)), where


def test_schemas_are_sound_and_refer_only_to_what_exists(described):
    schemas = described["components"]["schemas"]
    assert set(references(described)) <= schemas.keys()
    unused = schemas.keys() - set(references(described))
    assert unused == set(), "components that nothing refers to"
    for name, schema in schemas.items():
        jsonschema_rs.meta.validate(
            {**schema, "$schema": "https://json-schema.org/draft/2020-12/schema"}
        )
        assert re.fullmatch(r"[A-Z][A-Za-z]+", name)


def test_closed_sets_are_named_where_the_wire_carries_them(described):
    schemas = described["components"]["schemas"]
    for name, (_, members) in SETS.items():
        for member in members:
            struct, _, prop = member.partition(".")
            assert name in set(references(schemas[struct]["properties"][prop])), member
    for member, name in PLUGGED.items():
        struct, _, prop = member.partition(".")
        assert schemas[struct]["properties"][prop]["items"] == {"$ref": PREFIX + name}


def test_what_goes_out_carries_every_member(described):
    orders = described["components"]["schemas"]
    assert set(orders["PageOut"]["required"]) == set(orders["PageOut"]["properties"])
    assert "limit" in orders["ProductSource"]["required"]
    assert "limit" not in orders["ProductSourceIn"]["required"]


async def test_the_program_serves_the_document(api, described):
    answer = await api.get("/schema/openapi.json")
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == described
    assert described["openapi"].startswith("3.1")


def test_the_command_writes_the_document_without_a_database(tmp_path: Path, described):
    file = tmp_path / "openapi.json"
    ran = CliRunner().invoke(whole(), ["openapi", "--out", str(file)])
    assert ran.exit_code == 0, ran.output
    assert json.loads(file.read_text()) == described


async def test_the_tracking_door_has_no_other_addresses_than_its_kinds(api):
    answer = await api.post("/v1/guess", json={"type": "track", "anonymousId": "a"})
    assert answer.status_code == 404
    assert answer.headers["access-control-allow-origin"] == "*"
