"""Tracking: the stock Segment clients work unmodified, and nothing acknowledged is lost."""

import asyncio
import base64
import gzip
import json
import socket
import threading
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from siyu.insight import tracking
from siyu.insight.tracking import rules
from siyu.insight.tracking.actions import Intake, TrackingBehind
from siyu.insight.tracking.queries import backlog
from siyu.insight.warehouse.filling import drain_spool
from tests.conftest import client_for

NOW = datetime(2026, 11, 22, 6, tzinfo=UTC)


async def key_of(database, brand):
    async with database.dispatcher() as connection:
        return await connection.fetchval(
            "select key from directory where kind = 'write_key' and brand_id = $1", brand.id
        )


def message(**more):
    return {
        "type": "track",
        "event": "Product Viewed",
        "anonymousId": "a-1",
        "messageId": more.pop("id", "m-1"),
        **more,
    }


async def send(client, key, *messages, path="/v1/batch", **headers):
    basic = base64.b64encode(f"{key}:".encode()).decode()
    body = {"batch": list(messages)} if path.endswith("batch") else messages[0]
    return await client.post(
        path, json=body, headers={"Authorization": f"Basic {basic}", **headers}
    )


async def test_what_was_acknowledged_is_on_disk_and_reaches_the_warehouse_once(
    api, app, database, brand
):
    key = await key_of(database, brand)
    answers = [await send(api, key, message(id=f"m-{n}"), message(id=f"m-{n}")) for n in range(5)]
    assert [(answer.status_code, answer.json()) for answer in answers] == [
        (200, {"success": True})
    ] * 5
    assert any(
        brand_id == brand.id and messages >= 10 for brand_id, _, messages in await backlog(database)
    )
    warehouse = app.runtime.parts["warehouse"]
    while await drain_spool(database, warehouse, brand.id, packs=2):
        pass
    (row,) = await warehouse.ask(
        brand.id, "SELECT uniqExact(message_id) AS n FROM behaviour WHERE brand = {brand:UUID}"
    )
    assert int(row["n"]) == 5
    (row,) = await warehouse.ask(
        brand.id, "SELECT count() AS n FROM behaviour FINAL WHERE brand = {brand:UUID}"
    )
    assert int(row["n"]) == 5, "a repeated message id is one act"
    (row,) = await warehouse.ask(
        brand.id,
        "SELECT max(abs(dateDiff('second', at, now64()))) AS off FROM behaviour WHERE brand = {brand:UUID}",
    )
    assert int(row["off"]) < 600, "an act without a stamp happened now"


@pytest.mark.parametrize("kind", ["track", "identify", "page", "screen", "group", "alias"])
async def test_each_single_door_takes_its_kind_of_message(api, database, brand, kind):
    answer = await send(
        api, await key_of(database, brand), {"userId": "u-1", "messageId": "x"}, path=f"/v1/{kind}"
    )
    assert answer.status_code == 200, answer.text


async def test_wrong_keys_and_malformed_messages_are_answered_as_clients_expect(
    api, database, brand
):
    key = await key_of(database, brand)
    wrong = await send(api, "nobody", message())
    assert (wrong.status_code, wrong.json()["code"]) == (401, "tracking.bad_write_key")
    for body in (
        b"{",
        b"[]",
        b'{"batch": 3}',
        b'{"batch": [{"type": "dance", "anonymousId": "x"}]}',
        b'{"batch": [{"type": "track"}]}',
        b"\xff\xfe",
    ):
        answer = await api.post("/v1/batch", content=body, auth=(key, ""))
        assert (answer.status_code, answer.json()["code"]) == (400, "tracking.malformed"), body
    large = await api.post(
        "/v1/track",
        json={"anonymousId": "x", "event": "e", "properties": {"p": "x" * 40_000}},
        auth=(key, ""),
    )
    assert large.status_code == 400
    bomb = gzip.compress(b" " * 50_000_000)
    answer = await api.post(
        "/v1/batch", content=bomb, auth=(key, ""), headers={"Content-Encoding": "gzip"}
    )
    assert answer.status_code == 400


async def test_any_site_may_send_without_credentials(api):
    answer = await api.options("/v1/batch", headers={"Origin": "https://shop.example"})
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (204, "*")
    assert "access-control-allow-credentials" not in answer.headers


async def test_when_we_are_behind_clients_are_told_when_to_come_back(
    api, app, database, brand, monkeypatch
):
    monkeypatch.setattr("siyu.insight.tracking.actions.MAX_WAITING", 3)
    answer = await send(api, await key_of(database, brand), *(message(id=str(n)) for n in range(9)))
    assert (answer.status_code, answer.json()["code"], answer.headers["retry-after"]) == (
        429,
        "tracking.behind",
        "5",
    )


async def test_a_writer_that_is_ended_leaves_nobody_waiting_and_the_next_one_writes(
    database, brand
):
    intake = Intake(database)
    async with database.raw(brand.id) as holder:
        await holder.execute("lock table tracking_spool in exclusive mode")
        waiting = [asyncio.create_task(intake.keep(brand.id, [])) for _ in range(3)]
        while not intake._writers:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
        waiting.append(asyncio.create_task(intake.keep(brand.id, [])))
        await asyncio.sleep(0)
        intake._writers[brand.id].cancel()
        answers = await asyncio.wait_for(asyncio.gather(*waiting, return_exceptions=True), 10)
    assert [type(one) for one in answers] == [TrackingBehind] * 4
    await asyncio.wait_for(intake.keep(brand.id, []), 10)
    assert intake._count == 0 and not intake._writers


async def test_many_senders_at_once_lose_nothing(app, database, brand):
    key = await key_of(database, brand)
    async with client_for(app, "localhost") as client:
        answers = await asyncio.gather(
            *(send(client, key, *(message(id=f"{n}-{i}") for i in range(20))) for n in range(40))
        )
    assert {answer.status_code for answer in answers} == {200}
    async with database.brand(brand.id) as session:
        spooled = await tracking.take(session, 1000)
    assert len({one.message_id for pack in spooled for one in pack.messages}) == 800


async def test_only_declared_properties_are_kept_and_nobody_is_named():
    kept = rules.kept(
        rules.Message(
            type="identify", userId="su@example.com", anonymousId="13812345678", event="x",
            properties={"product_id": "p", "phone": "13812345678", "note": "苏女士", "quantity": 2, "price": 1.5},
            context={"ip": "203.0.113.9", "page": {"url": "https://shop.example/p/1?phone=138#me"}, "traits": {"name": "苏"}},
        ),
        fallback_type="", fallback_id="f", received=NOW, sent_at=None, secret=b"s",
    )  # fmt: skip
    text = json.dumps(kept.properties, ensure_ascii=False) + repr(kept)
    for secret in ("13812345678", "苏", "example.com", "203.0.113.9", "?phone"):
        assert secret not in text
    assert kept.path == "/p/1"
    assert set(kept.properties) == {"product_id", "quantity", "price"}


def test_a_clients_wrong_clock_is_corrected_by_what_it_says_it_sent():
    stamped, sent = NOW + timedelta(hours=5), NOW + timedelta(hours=5, seconds=30)
    assert rules.moment(stamped.isoformat(), sent, NOW) == NOW - timedelta(seconds=30)
    assert rules.moment((NOW + timedelta(days=9)).isoformat(), None, NOW) == NOW
    assert rules.moment("nonsense", None, NOW) == NOW


@given(
    st.dictionaries(
        st.text(max_size=20),
        st.one_of(st.none(), st.text(), st.floats(), st.integers(), st.lists(st.integers())),
        max_size=10,
    )
)
def test_whatever_properties_come_keeping_them_never_fails(properties):
    one = rules.Message(type="track", anonymousId="x", properties=properties, context=properties)
    kept = rules.kept(
        one, fallback_type="", fallback_id="f", received=NOW, sent_at=None, secret=b"s"
    )
    assert set(kept.properties) <= rules.DECLARED


async def test_the_stock_python_client_delivers_without_changes(app, database, brand):
    analytics = pytest.importorskip("segment.analytics")
    import granian.server.embed as granian
    from granian.constants import Interfaces

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    doors = app.runtime.parts["tracking"]

    async def tracking_only(scope, receive, send):
        if scope["type"] == "http":
            await doors(scope, receive, send)

    server = granian.Server(
        tracking_only, address="127.0.0.1", port=port, interface=Interfaces.ASGI
    )
    serving = asyncio.create_task(server.serve())
    await asyncio.sleep(0.5)
    key, failures = await key_of(database, brand), []
    client = analytics.Client(
        key,
        host=f"http://127.0.0.1:{port}",
        on_error=lambda error, _: failures.append(error),
        gzip=True,
    )

    def deliver():
        for number in range(250):
            client.track(anonymous_id="py", event="Product Viewed", properties={"quantity": number})
        client.identify("u-9", {"plan": "gold"})
        client.flush()
        client.join()

    thread = threading.Thread(target=deliver)
    thread.start()
    while thread.is_alive():
        await asyncio.sleep(0.05)
    server.stop()
    await serving
    assert failures == []
    async with database.brand(brand.id) as session:
        spooled = await tracking.take(session, 1000)
    assert sum(len(pack.messages) for pack in spooled) == 251
