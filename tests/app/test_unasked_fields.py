"""Mass assignment: a field that nobody asked for is refused at every door, never silently taken or dropped."""

from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import inspect

from tests.app.asking import Asker
from tests.app.endpoints import endpoints
from tests.app.test_every_endpoint import BODIES

OF_OTHERS = {
    "POST /v1/{kind}": "the Segment protocol: what is not declared is dropped before it is kept"
}
"""Doors whose protocol is not ours."""
FORMS = {"POST /api/console/media", "POST /api/console/imports"}
"""Uploads: one part called file, the rest is not read."""
BLOCKS = {
    "Banner", "BannerItem", "Categories", "ProductGrid", "ProductRow", "ProductSource", "Store", "Target", "TextImage",
}  # fmt: skip
"""Parts of pages and links: the same structs read what an earlier version stored, so they drop what they do not know."""
SLY = {
    "brand_id": "01890000-0000-7000-8000-000000000000", "id": "01890000-0000-7000-8000-000000000000", "is_owner": True,
    "roles": ["owner"], "permissions": ["*"], "state": "paid", "total_minor": 1, "__proto__": {"x": 1}, "customer_id": None,
}  # fmt: skip


def structs(node: Any) -> Iterator[Any]:
    """All structs inside a body's type."""
    match node:
        case inspect.StructType(cls=cls, fields=fields):
            yield cls
            for field in fields:
                yield from structs(field.type)
        case inspect.UnionType(types=types):
            for one in types:
                yield from structs(one)
        case inspect.ListType(item_type=item) | inspect.VarTupleType(item_type=item):
            yield from structs(item)
        case inspect.DictType(value_type=value):
            yield from structs(value)
        case _:
            return


def test_no_struct_that_a_door_reads_lets_unknown_fields_through(app):
    loose, seen = [], 0
    for one in endpoints(app):
        if one.body is None or one.name in OF_OTHERS or one.name in FORMS:
            continue
        for cls in dict.fromkeys(structs(inspect.type_info(one.body))):
            seen += 1
            if not cls.__struct_config__.forbid_unknown_fields and cls.__name__ not in BLOCKS:
                loose.append(f"{one.name}: {cls.__name__}")
    assert not loose, "\n".join(loose)
    assert seen >= 40


async def test_a_field_that_nobody_asked_for_is_refused_and_changes_nothing(app, ours):
    asker, wrong, asked = Asker(ours), [], 0
    before = await ours.snapshot()
    for one in endpoints(app):
        if one.body is None or one.name in OF_OTHERS or one.name in FORMS:
            continue
        body = msgspec.to_builtins(await asker.body(one) or BODIES.get(one.name) or {})
        known = {field.encode_name for field in msgspec.structs.fields(one.body)} if isinstance(one.body, type) else set()  # fmt: skip
        for name, value in SLY.items():
            if name in known or name in body:
                continue
            asked += 1
            answer = await asker.ask(one, body={**body, name: value})
            said = answer.json() if answer.content else {}
            if answer.status_code not in (400, 422) or said.get("code") != "http.malformed":
                wrong.append(f"{one.name} with {name}: {answer.status_code} {answer.text[:160]}")
    assert not wrong, "\n".join(wrong)
    assert asked >= 300
    after = await ours.snapshot()
    assert [name for name in before if before[name] != after[name]] == []
