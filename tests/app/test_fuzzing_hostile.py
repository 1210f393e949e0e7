"""Requests that work, made hostile in one place each: NUL, half characters, huge numbers, deep nesting, broken bytes."""

import base64
import copy
import itertools
import json
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from siyu.app.web import document
from siyu.app.wiring import HOT
from siyu.kernel.http import encode_cursor
from tests.app.asking import Asker
from tests.app.endpoints import endpoints
from tests.app.estate import Estate
from tests.app.fuzz import Judge, Person
from tests.app.test_fuzzing import person

VALUES: list[Any] = [
    "\x00", "a\x00b", "\ud800", "x" * 70_000, "", " ", "\u202e\ufeff", "2026-02-30T00:00:00Z",
    "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "00000000-0000-0000-0000-000000000000",
    2**31, 2**53 + 1, 2**63, 2**64, 10**400, -1, -(2**63) - 1, 0, 0.5, 1e308, True, None, [], {}, [[]], {"\x00": "\x00"},
    {"zh-CN": "\ud800"}, {"k" * 5000: "v"}, ["x"] * 3000,
]  # fmt: skip
RAW = [
    b"", b"{", b"\xff\xfe\x00", b"null", b"[]", b"0", b'"text"', b"[" * 100_000, b'{"a":' * 20_000, b"\x00",
    b'{"a": NaN}', b'{"a": 1e999}', "{}".encode("utf-16"), b'{"a": "\xc3"}', b"{} {}", b'{"a": "\\ud800"}',
]  # fmt: skip
QUERIES = [
    "%00", "%ff%fe", "x" * 5000, "9" * 400, "-1", "0", "NaN", "", "%F0%9F%92%8E", "%27%22--%25_%5c", "2026-02-30",
    "0001-01-01T00:00:00%2B23:59", "9999-12-31", "null", "%ED%A0%80",
]  # fmt: skip
CURSORS = [
    encode_cursor(key)
    for key in (
        ("0001-01-01T00:00:00+23:59", "00000000-0000-0000-0000-000000000000"),
        ("9999-12-31T23:59:59-23:59", "00000000-0000-0000-0000-000000000000"),
        ("a\x00", "00000000-0000-0000-0000-000000000000"),
        (2**70, "00000000-0000-0000-0000-000000000000"),
        (2**70,),
        (-1, -1),
        (),
    )
] + ["A", "é", base64.urlsafe_b64encode(b"[" * 20_000).decode()]
HEADERS: list[dict[str, bytes]] = [
    {"content-type": b"application/json; charset=utf-16"},
    {"content-type": b"text/plain"},
    {"content-type": b"multipart/form-data"},
    {"content-type": b"multipart/form-data; boundary=\xff"},
    {"content-type": b"\xff\xff"},
    {"content-encoding": b"gzip"},
    {"idempotency-key": b"k" * 10_000},
    {"idempotency-key": b"\xff\xfe"},
    {"x-siyu-link": b"\xff" * 400},
    {"accept-language": b"\xff,,;;=,zh;q=x"},
    {"x-csrf-token": b"\xff\xfe"},
    {"authorization": b"Bearer \xff\xfe"},
    {"authorization": b"Bearer " + b"a" * 9000},
    {"authorization": b"Basic \xff"},
    {"cookie": b"siyu_staff=\xff\xfe; siyu_shop=;;=\x01"},
    {"x-request-id": b"\xff" * 20},
    {"host": b"\xff.localhost"},
    {"origin": b"\xff"},
]


@pytest.fixture(scope="module")
def judge() -> Judge:
    return Judge(document())


def spots(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place inside a body, the whole of it too."""
    yield at
    inner = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for key, one in inner:
        yield from spots(one, (*at, key))


def changed(body: Any, at: tuple[Any, ...], value: Any) -> Any:
    """A body with another value in one place."""
    if not at:
        return value
    body = copy.deepcopy(body)
    inner = body
    for key in at[:-1]:
        inner = inner[key]
    inner[at[-1]] = value
    return body


def turns(values: list[Any], each: int) -> Callable[[], list[Any]]:
    """Hands out ``each`` of the values at a time, all in turn."""
    endless = itertools.cycle(values)
    return lambda: [next(endless) for _ in range(min(each, len(values)))]


SIGNING_OTHERS_OUT = (
    "DELETE /api/console/sessions",
    "DELETE /api/console/staff/{staff_id}/sessions",
)


class Siege:
    """Asks as whoever belongs to a door, and keeps what was wrong with the answers."""

    def __init__(self, app: Any, estate: Estate, judge: Judge, people: dict[str, Person]) -> None:
        self.asker, self.judge, self.people = Asker(estate), judge, people
        # Whoever ends all other sessions ends those of the people here, and then only signing in is tested.
        self.endpoints = [one for one in endpoints(app) if one.name not in SIGNING_OTHERS_OUT]
        self.wrong: list[str] = []
        self.asked = 0

    def path(self, endpoint: Any) -> str:
        """The endpoint's address with ids that exist."""
        from tests.app.asking import ASKS, FIXED, Ask, kind_of

        path, kinds = endpoint.path, ASKS.get(endpoint.name, Ask()).kinds
        for slot in endpoint.slots:
            if slot.place == "path":
                kind = kind_of(endpoint, slot) or slot.at
                value = FIXED.get(kind) or self.asker.estate.ids.get(kind) or "x"
                path = path.replace(f"{{{slot.at}}}", value)
        for name, kind in kinds.items():
            path = path.replace(f"{{{name}}}", FIXED.get(kind, "x"))
        return path

    async def say(self, endpoint: Any, path: str, what: str, **more: Any) -> None:
        """Ask and judge."""
        who = "owner" if endpoint.door == "console" else "shopper"
        self.asked += 1
        answer = await self.people[who].send(endpoint.method, path, **more)
        if complaint := self.judge.complaint_anywhere(answer):
            self.wrong.append(f"{endpoint.name} with {what[:160]} → {complaint}")

    def end(self) -> None:
        """Fail with what was wrong."""
        assert self.asked > 100
        assert not self.wrong, f"{len(self.wrong)} of {self.asked}\n" + "\n".join(self.wrong[:200])


@pytest.fixture(scope="module")
async def siege(app, ours, judge) -> Any:
    people = {who: await person(who, app, ours) for who in ("owner", "shopper")}
    people["shopper"] = person_of(app, ours)
    made = Siege(app, ours, judge, people)
    yield lambda: Siege(app, ours, judge, people)
    assert made.endpoints


def person_of(app: Any, estate: Estate) -> Person:
    """The estate's own shopper, who has the orders."""
    from tests.app.fuzz import holding

    return holding(app, estate.shopper.http, estate.brand.host)


async def bodies(siege: Siege, each: int) -> None:
    take = turns(VALUES, each)
    for endpoint in siege.endpoints:
        body = await siege.asker.body(endpoint)
        if body is None:
            continue
        path, key = siege.path(endpoint), itertools.count()
        for at in spots(body):
            for value in take():
                content = json.dumps(changed(body, at, value)).encode()
                headers = {"content-type": "application/json", "idempotency-key": f"h{next(key)}"}
                await siege.say(
                    endpoint, path, f"{at} = {value!r}", content=content, headers=headers
                )


async def test_a_hostile_value_anywhere_in_a_body_is_refused_or_taken_never_fatal(siege):
    one = siege()
    await bodies(one, 2)
    one.end()


@pytest.mark.soak
async def test_every_hostile_value_in_every_place_is_refused_or_taken_never_fatal(siege):
    one = siege()
    await bodies(one, len(VALUES))
    one.end()


async def test_a_body_that_is_no_json_or_no_object_is_refused(siege):
    one = siege()
    take = turns(RAW, 5)
    for endpoint in one.endpoints:
        if endpoint.body is None and endpoint.door != "root":
            continue
        for content in take():
            headers = {"content-type": "application/json", "idempotency-key": "raw"}
            await one.say(
                endpoint,
                one.path(endpoint),
                f"body {content[:40]!r}",
                content=content,
                headers=headers,
            )
    one.end()


async def test_hostile_words_in_addresses_are_refused_or_taken_never_fatal(siege):
    one = siege()
    take, cursors = turns(QUERIES, 4), turns(CURSORS, 5)
    for endpoint in one.endpoints:
        operation = (
            one.judge.document["paths"].get(endpoint.path, {}).get(endpoint.method.lower(), {})
        )
        for parameter in operation.get("parameters", ()):
            name, place = parameter["name"], parameter["in"]
            values = [*take(), *(cursors() if name == "cursor" else [])]
            for value in values if place in ("query", "path") else ():
                if place == "query":
                    path = f"{one.path(endpoint)}?{name}={value}"
                else:
                    path = endpoint.path.replace(f"{{{name}}}", value or "x")
                await one.say(endpoint, path, f"{name} = {value}", content=b"{}")
    one.end()


async def test_every_hostile_word_at_the_hot_paths_is_refused_or_taken_never_fatal(siege):
    one = siege()
    for hot in HOT:
        for value in QUERIES:
            for path in (
                hot.path + value if hot.path.endswith("/") else hot.path,
                f"{hot.path}?q={value}",
            ):
                answer = await one.people["shopper"].send(hot.method, path, content=b"{}")
                assert answer.status_code < 500, f"{hot.method} {path[:80]} → {answer.status_code}"
                if answer.status_code >= 400:
                    assert answer.json()["code"], f"{hot.method} {path[:80]}"


async def test_every_hostile_body_at_the_hot_paths_is_refused_or_taken_never_fatal(siege):
    one = siege()

    def deep(head: str, tail: str) -> bytes:
        return (head + '{"a":' * 5_000 + "1" + "}" * 5_000 + tail).encode()

    bodies = [
        *RAW,
        b'{"note": "\xc3"}',
        b'{"delivery": "\xff"}',
        deep('{"event": "e", "anonymousId": "a", "properties":', "}"),
        deep('{"event": "e", "anonymousId": "a", "writeKey":', "}"),
        deep('{"batch": [{"type": "track", "event": "e", "anonymousId": "a", "properties":', "}]}"),
        deep('{"batch": [], "more":', "}"),
    ]
    doors = [hot.path for hot in HOT if hot.method == "POST"]
    for path in [path for path in doors if path != "/v1/"] + ["/v1/track", "/v1/batch"]:
        for content in bodies:
            answer = await one.people["shopper"].send(
                "POST",
                path,
                content=content,
                headers={"content-type": "application/json", "idempotency-key": "k"},
            )
            assert answer.status_code < 500, f"POST {path} {content[:60]} → {answer.status_code}"
            if answer.status_code >= 400:
                assert answer.json()["code"], f"POST {path} {content[:60]}"


async def test_hostile_headers_are_refused_or_taken_never_fatal(siege):
    one = siege()
    take = turns(HEADERS, 3)
    for endpoint in one.endpoints:
        if endpoint.name.endswith("/session") and endpoint.method == "DELETE":
            continue
        if endpoint.path == "/metrics":
            continue  # of the console's host only; at a shop's host it is a page of the shop
        body = await one.asker.body(endpoint)
        content = b"" if body is None else json.dumps(body).encode()
        for headers in take():
            sent = {"content-type": "application/json", **headers}
            await one.say(endpoint, one.path(endpoint), f"{headers}", content=content, headers=sent)
    one.end()


async def test_a_zipped_body_that_swells_is_refused(siege, ours):
    swelling = zlib.compressobj(9, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    content = swelling.compress(b" " * 20_000_000) + swelling.flush()
    answer = (
        await siege()
        .people["shopper"]
        .send("POST", "/v1/batch", content=content, headers={"content-encoding": "gzip"})
    )
    assert (answer.status_code, answer.json()["code"]) == (400, "tracking.malformed")


async def test_faults_that_were_found_once_stay_mended(ours: Estate):
    """Each of these was a 500 at some time."""
    ask, sku = ours.console, {"code": "N", "option_values": [], "price_minor": 1}
    json_body = {"content-type": "application/json"}

    async def posted(path: str, content: bytes) -> tuple[int, str]:
        answer = await ask.post(f"/api/console{path}", content=content, headers=json_body)
        return answer.status_code, answer.json().get("code", "")

    product = {"title": {"zh-CN": "玉"}, "skus": [sku], "tags": ["a\x00b"]}
    assert await posted("/products", json.dumps(product).encode()) == (422, "http.invalid")
    barred = {"title": {"zh-CN": "玉"}, "skus": [{**sku, "barcode": "\x00"}]}
    assert await posted("/products", json.dumps(barred).encode()) == (422, "http.invalid")
    assert await posted("/categories", b"[" * 100_000) == (400, "http.malformed")
    assert await posted("/categories", b'{"name": "\xc3"}') == (400, "http.malformed")

    last_day = await ask.get("/api/console/orders", params={"to": "9999-12-31"})
    assert (last_day.status_code, last_day.json()["code"]) == (422, "http.invalid")
    quoted = await ask.get("/api/console/boards/overview", params={"source": "'\"--%_\\\t\n"})
    assert quoted.status_code == 200, quoted.text
    long = await ask.get("/api/console/boards/overview", params={"source": "x" * 5000})
    assert (long.status_code, long.json()["code"]) == (400, "http.malformed")
