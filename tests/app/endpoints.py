"""Every endpoint of the running application with the places where it takes an id, read from its handlers.

An id is whatever is typed as a UUID, and a text whose name says that it names one thing.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple, get_args
from uuid import UUID

import msgspec
from msgspec import inspect

from siyu.app import wiring

NAMES_ONE_THING = {
    "id",
    "ids",
    "code",
    "key",
    "link",
    "link_id",
    "subject",
    "name",
    "handle",
    "listener",
    "store",
    "job",
    "picture",
    "brand",
    "slug",
    "writeKey",
    "userId",
}


class Slot(NamedTuple):
    """A place for an id: in the ``path``, the ``query``, the ``body`` or a ``header``; lists end with ``[]``."""

    place: str
    at: str

    def __str__(self) -> str:
        return f"{self.place} {self.at}"


class Endpoint(NamedTuple):
    """A method and a path with its slots. ``keyed``: takes an Idempotency-Key; ``body``: the struct it reads."""

    method: str
    path: str
    slots: tuple[Slot, ...]
    keyed: bool
    body: Any

    @property
    def name(self) -> str:
        """``GET /api/console/orders``; path parameters without their types."""
        return f"{self.method} {self.path}"

    @property
    def changes(self) -> bool:
        """Whether its method says that it changes something."""
        return self.method not in ("GET", "HEAD", "OPTIONS")

    @property
    def door(self) -> str:
        """``console`` · ``shop`` · ``root``"""
        parts = self.path.split("/")
        return parts[2] if parts[1] == "api" else "root"


RAW = {
    "GET /l/{code}": Endpoint("GET", "/l/{code}", (Slot("path", "code"),), False, None),
    "POST /v1/{kind}": Endpoint(
        "POST", "/v1/{kind}", (Slot("body", "writeKey"), Slot("body", "userId")), False, None
    ),
    "OPTIONS /v1/{kind}": Endpoint("OPTIONS", "/v1/{kind}", (), False, None),
    "GET /media/{brand}/{picture}/{size}": Endpoint(
        "GET",
        "/media/{brand}/{picture}/{size}",
        (Slot("path", "brand"), Slot("path", "picture")),
        False,
        None,
    ),
}
"""The raw doors, which have no signature to be read."""


def framework(app: Any) -> Any:
    """The Litestar application inside the ASGI application."""
    while not hasattr(app, "routes"):
        app = app._app
    return app


def endpoints(app: Any) -> list[Endpoint]:
    """All endpoints of an application, in the order of their paths. Fails for a raw door that ``RAW`` does not know."""
    found: dict[str, Endpoint] = {}
    for route in framework(app).routes:
        for handler in getattr(route, "route_handlers", []):
            for method in sorted(handler.http_methods - {"OPTIONS", "HEAD"}):
                one = _read(method, route.path_format, handler)
                found[one.name] = one
        if not hasattr(route, "route_handlers"):
            assert any(one.path.startswith(route.path) for one in RAW.values()), route.path
    for hot in wiring.HOT:
        names = [name for name in (*found, *RAW) if _serves(name, hot)]
        assert names, f"a raw door that no test knows: {hot.method} {hot.path}"
    found |= {name: one for name, one in RAW.items() if one.method != "OPTIONS"}
    return sorted(found.values(), key=lambda one: (one.path, one.method))


def _serves(name: str, hot: Any) -> bool:
    method, path = name.split()
    return (
        method == hot.method
        and (path.split("{")[0] if hot.path.endswith("/") else path) == hot.path
    )


def _read(method: str, path: str, handler: Any) -> Endpoint:
    slots, keyed, body = [], False, None
    for name, parameter in handler.parsed_fn_signature.parameters.items():
        metas = getattr(parameter.raw, "__metadata__", ())
        kinds = {type(meta).__name__ for meta in metas}
        wire = next((meta.name for meta in metas if getattr(meta, "name", None)), None) or name
        keyed |= wire == "Idempotency-Key"
        if name == "data":
            body = parameter.annotation
            slots += (
                [Slot("body", at) for at in _inside(inspect.type_info(body))]
                if _plain(body)
                else []
            )
        elif kinds & {"HeaderParameter", "Dependency"} or name == "request":
            continue
        elif f"{{{name}}}" in path:
            slots.append(Slot("path", name))
        elif (
            UUID in (parameter.annotation, *get_args(parameter.annotation))
            or wire in NAMES_ONE_THING
        ):
            slots.append(Slot("query", wire))
    return Endpoint(method, path, tuple(slots), keyed, body)


def _plain(body: Any) -> bool:
    try:
        inspect.type_info(body)
    except TypeError:
        return False
    return "UploadFile" not in str(getattr(body, "__annotations__", ""))


def _inside(node: Any, at: str = "", name: str = "") -> Iterator[str]:
    match node:
        case inspect.UUIDType():
            yield at
        case inspect.StrType() if name in NAMES_ONE_THING - {"name"}:
            yield at
        case inspect.UnionType(types=types):
            yield from dict.fromkeys(found for one in types for found in _inside(one, at, name))
        case inspect.ListType(item_type=item) | inspect.VarTupleType(item_type=item):
            yield from _inside(item, f"{at}[]", name)
        case inspect.StructType(fields=fields):
            for field in fields:
                inner = f"{at}.{field.encode_name}" if at else field.encode_name
                yield from _inside(field.type, inner, field.encode_name)
        case _:
            return


def put(body: Any, at: str, value: Any) -> int:
    """Set every place of a body that a slot's address leads to; how many there were."""
    first, _, rest = at.partition(".")
    name, many = first.removesuffix("[]"), first.endswith("[]")
    if not isinstance(body, dict) or name not in body:
        return 0
    if not many:
        if rest:
            return put(body[name], rest, value)
        body[name] = value
        return 1
    if not isinstance(body[name], list):
        return 0
    if rest:
        return sum(put(one, rest, value) for one in body[name])
    body[name] = [value for _ in body[name]] or [value]
    return 1


def plain(value: Any) -> Any:
    """A body as JSON values."""
    return msgspec.to_builtins(value)
