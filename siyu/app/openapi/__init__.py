"""The OpenAPI 3.1 document: every endpoint with what it takes, answers and refuses. Needs no database.

The framework reads the handlers; this adds the raw doors, msgspec's exact schemas, problem documents, security
and readable names. `siyu openapi` writes it; the program serves it at ``/schema/openapi.json``.
"""

from typing import Any, cast

import msgspec
from litestar import Litestar
from litestar.di import Provide
from litestar.openapi.config import OpenAPIConfig
from litestar.routes import HTTPRoute

from siyu.app.openapi import raw
from siyu.app.openapi.structs import Schema, both_ways, components, renamed, with_sets_named
from siyu.app.openapi.words import NAMES
from siyu.kernel.http import Problem

_DOORS = {"/api/console/": "console", "/api/shop/": "shop"}
_SAFE = {"get", "head", "options"}
_PROBLEM: Schema = {
    "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
}
_REFUSED: Schema = {
    "4XX": {
        "description": "A refusal with its stable code; nothing was done.",
        "content": _PROBLEM,
    },
    "5XX": {
        "description": "The house is broken or too busy just now (503 with Retry-After).",
        "content": _PROBLEM,
    },
}
_SECURITY: Schema = {
    "staff": {
        "type": "apiKey",
        "in": "cookie",
        "name": "siyu_staff",
        "description": "The session of POST /api/console/session, at the console's host.",
    },
    "shopper": {
        "type": "apiKey",
        "in": "cookie",
        "name": "siyu_shop",
        "description": "The session of POST /api/shop/session/guest or /verify, at the shop's host.",
    },
    "shopper_token": {
        "type": "http",
        "scheme": "bearer",
        "description": "The same session for clients without cookies; then no CSRF token is needed.",
    },
    "csrf": {
        "type": "apiKey",
        "in": "header",
        "name": "X-CSRF-Token",
        "description": "`csrf_token` of the session; every request by cookie that changes something carries it.",
    },
    "write_key": {
        "type": "http",
        "scheme": "basic",
        "description": "The brand's write key as user name; it may stand in the body as `writeKey` instead.",
    },
}
_SHOP_PARAMETERS: list[Schema] = [
    {
        "name": "lang",
        "in": "query",
        "required": False,
        "schema": {"$ref": "#/components/schemas/Locale"},
        "description": "The language of texts; without it Accept-Language decides.",
    },
    {
        "name": "X-Siyu-Link",
        "in": "header",
        "required": False,
        "schema": {"type": "string", "maxLength": 64},
        "description": "The code of the link that brought the shopper.",
    },
]


def document(routers: list[Any]) -> Schema:
    """The document of an application with these routers, ready to be written as JSON; the same code gives the same bytes."""
    config = OpenAPIConfig(
        title="siyu",
        version="1",
        description="Private-domain commerce: the console's, the shop's and the tracking doors. See docs/api.md.",
        use_handler_docstrings=True,
        operation_id_creator=_operation_id,
        path="/read",  # the framework insists on serving its own; nobody asks this application
        render_plugins=[],
    )
    app = Litestar(
        [*routers, *raw.handlers],
        dependencies={"runtime": Provide(_no_runtime, sync_to_thread=False)},
        openapi_config=config,
        logging_config=None,
    )
    found: Schema = app.openapi_schema.to_schema()
    schemas = components([*_types(app), Problem])
    theirs = found["components"]["schemas"]
    names = {key: _ours(key) for key in theirs}
    schemas |= {key: theirs[key] for key, name in names.items() if name == key not in schemas}
    paths = cast("Schema", renamed(found["paths"], names))
    for path, item in paths.items():
        for method, operation in item.items():
            _amend(path, method, operation)
    paths = cast("Schema", with_sets_named(paths))
    schemas = {name: with_sets_named(schema) for name, schema in schemas.items()}
    both_ways(paths, schemas)
    ids = [operation["operationId"] for item in paths.values() for operation in item.values()]
    assert len(set(ids)) == len(ids), "two operations have one id"
    return {
        "openapi": "3.1.0",
        "info": found["info"],
        "servers": [{"url": "/"}],
        "paths": dict(sorted(paths.items())),
        "components": {"schemas": dict(sorted(schemas.items())), "securitySchemes": _SECURITY},
    }


def _no_runtime() -> None:
    """Nothing is served from here."""


def _types(app: Litestar) -> list[Any]:
    """The structs that handlers take as JSON and return."""
    found: dict[Any, None] = {}
    for route in app.routes:
        for handler in route.route_handlers if isinstance(route, HTTPRoute) else ():
            if not handler.include_in_schema:
                continue
            fields = [handler.parsed_fn_signature.return_type, handler.parsed_data_field]
            for field in fields:
                kind = field.annotation if field is not None else None
                if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
                    found[kind] = None
    return [kind for kind in found if not _has_file(kind)]


def _has_file(kind: Any) -> bool:
    return any("UploadFile" in str(field.type) for field in msgspec.structs.fields(kind))


def _operation_id(handler: Any, _: Any, parts: list[Any]) -> str:
    """The handler's given name, else its function's, behind its door's."""
    if handler.name:
        return handler.name
    path = "/" + "/".join(str(one) for one in parts) + "/"
    door = next((f"{door}_" for prefix, door in _DOORS.items() if path.startswith(prefix)), "")
    return door + handler.fn.__name__


def _ours(key: str) -> str:
    """Our name of a component of the framework's."""
    for full, name in NAMES.items():
        if full == key or full.replace(".", "_").endswith(f"_{key}"):
            return name
    return key


def _amend(path: str, method: str, operation: Schema) -> None:
    """Problems, security, shared parameters and plain words for one operation, in place."""
    text = str(operation.get("description", ""))
    operation["summary"] = text.partition(". ")[0].partition("\n")[0].rstrip(".")
    operation.pop("deprecated", None)
    for parameter in operation.get("parameters", ()):
        _amend_parameter(parameter)
    answers = operation["responses"]
    answers.pop("400", None)
    if "204" in answers:
        answers["204"] = {"description": "Done."}
    if path == "/schema/openapi.json":
        answers["200"]["content"]["application/json"]["schema"] = {"type": "object"}
    for status, answer in answers.items():
        if status < "300":
            answer["description"] = "Done."
            answer.pop("headers", None)
    if "302" in answers:
        location = {"schema": {"type": "string"}, "description": "Where to go on."}
        answers["302"] = {"description": "On to the shop.", "headers": {"Location": location}}
    operation["responses"] = answers | _REFUSED
    operation["security"] = _security(path, method)
    if path.startswith("/api/shop/"):
        operation["parameters"] = [*operation.get("parameters", ()), *_SHOP_PARAMETERS]


def _amend_parameter(parameter: Schema) -> None:
    schema = cast("Schema", parameter["schema"])
    for noise in ("deprecated", "allowEmptyValue", "allowReserved"):
        parameter.pop(noise, None)
    kinds = cast("list[Schema]", schema.pop("oneOf", []))
    if kinds:  # a query cannot say null: left out is what it means
        (kind,) = [one for one in kinds if one != {"type": "null"}]
        schema |= kind
    if isinstance(schema.get("type"), list):
        (schema["type"],) = [one for one in schema["type"] if one != "null"]
        schema["enum"] = [one for one in schema["enum"] if one is not None]
    for limit in ("minimum", "maximum"):
        if limit in schema:
            schema[limit] = int(schema[limit])
    parameter["schema"] = schema


def _security(path: str, method: str) -> list[dict[str, list[str]]]:
    changes = method not in _SAFE
    if path.startswith("/api/console/"):
        if path == "/api/console/session" and method == "post":
            return []
        return [{"staff": [], "csrf": []}] if changes else [{"staff": []}]
    if path.startswith("/api/shop/"):
        by_cookie: dict[str, list[str]] = (
            {"shopper": [], "csrf": []} if changes else {"shopper": []}
        )
        return [{}, by_cookie, {"shopper_token": []}]
    return [{"write_key": []}, {}] if path.startswith("/v1/") else []
