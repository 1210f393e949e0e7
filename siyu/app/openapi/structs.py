"""Components of the document: msgspec's own schemas of the wire structs, under readable names.

msgspec says more than the framework's generator: limits of inner values, closed structs, tags. What the program
sends carries every member, what it takes may leave members out; a struct that goes both ways stands twice, the
one that comes in as ``…In``.
"""

from collections.abc import Callable, Iterator
from typing import Any, cast

import msgspec

from siyu.app.openapi import words

Schema = dict[str, Any]
PREFIX = "#/components/schemas/"


def components(types: list[Any]) -> dict[str, Schema]:
    """The schemas of structs and all they hold, by the document's names. Two shapes never share a name."""
    _, found = msgspec.json.schema_components(types, ref_template=PREFIX + "{name}")
    out: dict[str, Schema] = {}
    for key, schema in found.items():
        name = words.NAMES.get(key, key)
        assert "." not in name, f"two structs are called {key.rsplit('.', 1)[-1]}: name both"
        one = cast("Schema", renamed(schema, words.NAMES)) | {"title": name}
        known = out.setdefault(name, one)
        assert known | {"description": ""} == one | {"description": ""}, (
            f"two shapes are called {name}"
        )
    for name, (texts, members) in words.SETS.items():
        out[name] = {"type": "string", "enum": list(texts), "title": name}
        for member in members:
            struct, _, prop = member.partition(".")
            if struct in out:
                held = out[struct]["properties"]
                held[prop] = _narrowed(held[prop], PREFIX + name)
    for member, name in words.PLUGGED.items():
        struct, _, prop = member.partition(".")
        if struct in out:
            out[struct]["properties"][prop]["items"] = {"$ref": PREFIX + name}
    return out


def _narrowed(schema: Schema, ref: str) -> Schema:
    """A text, a text or nothing, or a list of texts, now of one set."""
    if "anyOf" in schema:
        return schema | {
            "anyOf": [
                _narrowed(one, ref) if one.get("type") == "string" else one
                for one in schema["anyOf"]
            ]
        }
    if schema.get("type") == "array":
        return schema | {"items": _narrowed(schema["items"], ref)}
    assert schema.get("type") == "string", schema
    kept = {key: schema[key] for key in ("default",) if schema.get(key)}
    return {"$ref": ref, **kept}


def renamed(node: Any, names: dict[str, str]) -> Any:
    """The same tree with every reference under its component's new name."""

    def change(text: str) -> str:
        name = text.removeprefix(PREFIX)
        return PREFIX + names.get(name, name)

    return _mapped(node, change)


def _mapped(node: Any, change: Callable[[str], str]) -> Any:
    if isinstance(node, dict):
        return {
            key: change(value)
            if isinstance(value, str) and value.startswith(PREFIX)
            else _mapped(value, change)
            for key, value in cast("Schema", node).items()
        }
    if isinstance(node, list):
        return [_mapped(one, change) for one in cast("list[Any]", node)]
    return node


def references(node: Any) -> Iterator[str]:
    """Names of the components that a tree refers to, itself only."""
    if isinstance(node, dict):
        for value in cast("Schema", node).values():
            if isinstance(value, str) and value.startswith(PREFIX):
                yield value.removeprefix(PREFIX)
            else:
                yield from references(value)
    elif isinstance(node, list):
        for one in cast("list[Any]", node):
            yield from references(one)


def reached(node: Any, schemas: dict[str, Schema]) -> set[str]:
    """Names of all components that a tree leads to."""
    found: set[str] = set()
    waiting = list(references(node))
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += references(schemas[name])
    return found


def with_sets_named(node: Any) -> Any:
    """The same tree with every written-out closed set that has a name replaced by it."""
    if isinstance(node, list):
        return [with_sets_named(one) for one in cast("list[Any]", node)]
    if not isinstance(node, dict):
        return node
    tree = cast("Schema", node)
    texts = tree.get("enum")
    if isinstance(texts, list) and len(cast("list[Any]", texts)) > 1:
        name = words.named(one for one in cast("list[Any]", texts) if one is not None)
        if name and tree.get("title") != name:
            rest = {
                key: value for key, value in tree.items() if key not in ("enum", "type", "title")
            }
            return {"$ref": PREFIX + name, **rest}
    return {key: with_sets_named(value) for key, value in tree.items()}


def both_ways(paths: Schema, schemas: dict[str, Schema]) -> None:
    """Tell apart what comes in and what goes out, in place: outgoing structs always carry every member."""
    operations = [operation for item in paths.values() for operation in item.values()]
    bodies = [operation["requestBody"] for operation in operations if "requestBody" in operation]
    coming = reached(bodies, schemas)
    going = reached([operation["responses"] for operation in operations], schemas)
    optional = {
        name
        for name in coming & going
        if len(schemas[name].get("required", ())) < len(schemas[name].get("properties", ()))
    }
    twice = {
        name for name in coming & going if optional & ({name} | reached(schemas[name], schemas))
    }
    names = {name: f"{name}In" for name in twice}
    assert not schemas.keys() & names.values(), "an incoming form's name is taken"
    for body in bodies:
        body["content"] = renamed(body["content"], names)
    for name in coming - going:
        schemas[name] = renamed(schemas[name], names)
    schemas |= {
        f"{name}In": renamed(schemas[name], names) | {"title": f"{name}In"}
        for name in sorted(twice)
    }
    for name in going:
        if properties := schemas[name].get("properties"):
            schemas[name]["required"] = list(properties)
