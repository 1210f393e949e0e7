"""Segment's own client for Node talks to our doors as it is, and what it sends arrives in the warehouse."""

import asyncio
import json
import os
import shutil
import socket
from pathlib import Path

import granian.server.embed as granian
import pytest
from granian.constants import Interfaces

from siyu.insight.warehouse import prepare
from siyu.insight.warehouse.filling import drain_spool

HERE = Path(__file__).parent / "node"
VENV = Path(__file__).resolve().parents[2] / ".venv" / "bin"
NODE = shutil.which("node") or shutil.which("node", path=VENV)
TRACKS = 250
OTHERS = {"page": 1, "identify": 1, "group": 1, "alias": 1}


@pytest.fixture
async def doors(app):
    """The tracking doors on a port of their own, over real HTTP; their address."""
    serve = app.runtime.parts["tracking"]

    async def tracking_only(scope, receive, send):
        if scope["type"] == "http":
            await serve(scope, receive, send)

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = granian.Server(
        tracking_only, address="127.0.0.1", port=port, interface=Interfaces.ASGI
    )
    serving = asyncio.create_task(server.serve())
    for _ in range(100):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                break
        await asyncio.sleep(0.05)
    yield f"http://127.0.0.1:{port}"
    server.stop()
    await serving


@pytest.mark.skipif(NODE is None, reason="there is no node on this machine")
async def test_the_stock_node_client_delivers_without_changes(app, database, brand, doors):
    assert (HERE / "node_modules").is_dir(), "make setup installs the client"
    async with database.dispatcher() as connection:
        key = await connection.fetchval(
            "select key from directory where kind = 'write_key' and brand_id = $1", brand.id
        )
    direct = {name: text for name, text in os.environ.items() if "proxy" not in name.lower()}
    sender = await asyncio.create_subprocess_exec(
        str(NODE), "send.mjs", doors, key, str(TRACKS), cwd=HERE, env=direct,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    said, complained = await asyncio.wait_for(sender.communicate(), 60)
    assert sender.returncode == 0, (said, complained)
    assert json.loads(said) == {"failures": []}

    warehouse = app.runtime.parts["warehouse"]
    await prepare(warehouse)
    while await drain_spool(database, warehouse, brand.id):
        pass
    rows = await warehouse.ask(
        brand.id,
        """SELECT type, count() AS acts, uniqExact(message_id) AS messages, sum(quantity) AS pieces
           FROM behaviour FINAL WHERE brand = {brand:UUID} GROUP BY type""",
    )
    assert {row["type"]: int(row["acts"]) for row in rows} == {"track": TRACKS, **OTHERS}
    assert all(row["acts"] == row["messages"] for row in rows)
    assert {int(row["pieces"]) for row in rows if row["type"] == "track"} == {sum(range(TRACKS))}
