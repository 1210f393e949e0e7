"""One order's trace, as an OpenTelemetry collector gets it: the request, its batch, who heard of it, the warehouse's rows."""

import asyncio
import json
from collections import defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import msgspec
import pytest

from siyu.app.runtime import Runtime
from siyu.app.web import create_app
from siyu.kernel import events, tracing
from siyu.kernel.settings import load, urls_of
from tests.goods.orders.conftest import Stall

HEARD = "hear insight.warehouse.reactions.project_sales"


class Receiver(ThreadingHTTPServer):
    """Takes OTLP over HTTP in JSON on loopback, and keeps the spans."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Taking)
        self.spans: list[dict] = []
        self.paths: set[str] = set()
        self.status = 200
        Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def trace_of(self, name: str) -> list[dict]:
        """All spans of traces that have a span of this name."""
        ids = {one["traceId"] for one in self.spans if one["name"] == name}
        return [one for one in self.spans if one["traceId"] in ids]


class _Taking(BaseHTTPRequestHandler):
    server: Receiver  # pyright: ignore[reportIncompatibleVariableOverride]

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.paths.add(self.path)
        if self.server.status == 200:
            for resource in body["resourceSpans"]:
                for scope in resource["scopeSpans"]:
                    self.server.spans += scope["spans"]
        self.send_response(self.server.status)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        pass


@pytest.fixture
def receiver():
    receiver = Receiver()
    yield receiver
    receiver.shutdown()
    receiver.server_close()


@pytest.fixture
async def traced(receiver, runtime, database, brand):
    """A stall whose process tells its traces to the receiver; ``end`` closes that process."""
    settings = msgspec.structs.replace(runtime.settings, otel_url=receiver.url)
    mine = Runtime(settings, urls_of(settings), pool=4)
    app = create_app(mine)
    await mine.open()
    stall = Stall(app, database, brand)
    stall.end = mine.close
    yield stall
    await stall.close()
    tracing.tell_to(None)


def facts(span):
    return {one["key"]: next(iter(one["value"].values())) for one in span["attributes"]}


async def test_an_orders_trace_leads_from_the_request_over_its_batch_and_its_listener_to_the_warehouse(
    traced, receiver
):
    shopper, sku = await traced.shopper(), await traced.sku()
    await shopper.ordered({sku: 1}, 1990)
    await traced.settle()
    await traced.end()
    spans = {one["spanId"]: one for one in receiver.trace_of("batch goods.orders.placing.place")}
    (insert,) = [one for one in spans.values() if one["name"] == "insert sales"]
    chain, at = [], insert
    while at is not None:
        chain.append(at["name"])
        above = spans.get(at.get("parentSpanId", ""))
        assert above is None or int(above["startTimeUnixNano"]) <= int(at["startTimeUnixNano"])
        at = above
    assert chain == [
        "insert sales", HEARD, "batch goods.orders.placing.place", "POST /api/shop",
    ]  # fmt: skip
    root = next(one for one in spans.values() if "parentSpanId" not in one)
    assert facts(root)["http.route"] == "POST /api/shop/orders"
    assert facts(root)["http.response.status_code"] == "201"
    assert receiver.paths == {"/v1/traces"}


async def test_orders_of_one_batch_keep_their_traces_apart(traced, receiver):
    sku = await traced.sku(pieces=20)
    shoppers = [await traced.shopper() for _ in range(6)]
    total = 1990
    receiver.spans.clear()
    placed = await asyncio.gather(*(one.ordered({sku: 1}, total) for one in shoppers))
    await traced.settle()
    rows = await traced.fetch(
        "select subject, actor->>'trace' as trace from events where kind = 'orders.placed/1'"
    )
    await traced.end()
    assert {str(row["subject"]) for row in rows} == {one["id"] for one in placed}
    assert len({row["trace"] for row in rows}) == 6
    names = defaultdict(list)
    for one in receiver.trace_of("insert sales"):
        names[one["traceId"]].append(one["name"])
    for row in rows:
        mine = names[row["trace"].partition("-")[0]]
        assert {"POST /api/shop", "batch goods.orders.placing.place", HEARD, "insert sales"} <= set(
            mine
        )


async def test_a_proxys_trace_goes_on_and_a_crooked_header_begins_a_new_one(traced, receiver):
    shopper = await traced.shopper()
    trace, span = "ab" * 16, "cd" * 8
    for header in (f"00-{trace}-{span}-00", "00-xyz-1-01", "'; drop table"):
        await shopper.http.get("/api/shop/cart", headers={"traceparent": header})
    await traced.end()
    roots = [one for one in receiver.spans if one["name"] == "GET /api/shop"]
    assert len(roots) == 3
    ours, *others = sorted(roots, key=lambda one: one["traceId"] != trace)
    assert (ours["traceId"], ours["parentSpanId"]) == (trace, span)
    assert all("parentSpanId" not in one and len(one["traceId"]) == 32 for one in others)


async def test_without_an_address_no_event_carries_a_place(stall, shopper):
    sku = await stall.sku()
    await shopper.ordered({sku: 1}, 1990)
    (row,) = await stall.fetch("select actor from events where kind = 'orders.placed/1'")
    assert "trace" not in row["actor"]
    assert not tracing.is_on()


async def test_a_collector_that_refuses_costs_spans_and_no_order(traced, receiver):
    receiver.status = 503
    shopper, sku = await traced.shopper(), await traced.sku()
    await shopper.ordered({sku: 1}, 1990)
    await traced.settle()
    await traced.end()
    assert receiver.paths and not receiver.spans


async def test_a_listener_alone_hears_without_a_trace_while_nobody_is_told(stall):
    assert await events.drain(stall.database, stall.brand.id) >= 0
    assert tracing.carried_by([json.dumps({"trace": f"{'ab' * 16}-{'cd' * 8}"})]) == ()


@pytest.mark.parametrize(
    ("environ", "url", "share"),
    [
        ({}, "", 1.0),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318"}, "http://c:4318", 1.0),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318", "SIYU_OTEL_URL": "http://d:1"}, "http://d:1", 1.0),
        ({"SIYU_OTEL_URL": "http://d:1", "SIYU_OTEL_SHARE": "0.1"}, "http://d:1", 0.1),
    ],
)  # fmt: skip
def test_where_traces_go_is_set_by_our_name_or_the_standards(tmp_path: Path, environ, url, share):
    settings = load({"SIYU_HOME": str(tmp_path)} | environ).settings
    assert (settings.otel_url, settings.otel_share) == (url, share)
