"""Pictures that imports name are fetched later; until then, and where that fails, generated art stands in."""

import asyncio
from contextlib import asynccontextmanager

from siyu.goods.catalogue import run_import
from siyu.kernel import jobs
from siyu.kernel.egress import Egress

from .conftest import picture


@asynccontextmanager
async def a_host_of_pictures():
    """An HTTP server on loopback: /good.jpg is a picture, /bad.jpg is not, the rest is missing."""
    asked: list[str] = []

    async def answer(reader, writer):
        line = (await reader.readuntil(b"\r\n\r\n")).split(b" ")[1].decode()
        asked.append(line)
        body = {"/good.jpg": picture(), "/bad.jpg": b"<html>no</html>"}.get(line)
        status = b"200 OK" if body is not None else b"404 Not Found"
        writer.write(
            b"HTTP/1.1 "
            + status
            + b"\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(body or b"")
            + (body or b"")
        )
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", asked


async def test_pictures_are_fetched_once_and_replace_the_art(
    console, shop, runtime, database, brand, tmp_path
):
    async with a_host_of_pictures() as (host, asked):
        rows = ["title,price,images,status"]
        rows += [
            f"{title},1,{host}/{name},on_sale"
            for title, name in (("好", "good.jpg"), ("坏", "bad.jpg"), ("无", "none.jpg"))
        ]
        (tmp_path / "p.csv").write_text("\n".join(rows))
        await run_import(database, brand.id, tmp_path / "p.csv")
        before = (await shop.get("/api/shop/products")).json()["items"]
        assert all(
            card["image"]["generated"] and "/art-" in card["image"]["url"] for card in before
        )

        assert await jobs.run_waiting(runtime, brand.id) == 1

        images = {
            p["title"]["zh-CN"]: p["image"]
            for p in (await console.get("/api/console/products")).json()["items"]
        }
        assert images["好"]["generated"] is False and "/art-" not in images["好"]["url"]
        assert images["坏"]["generated"] and images["无"]["generated"]
        job = (await console.get("/api/console/jobs")).json()["items"][0]
        assert job["result"] == {"fetched": 1, "failed": 2}, job
        async with database.raw(brand.id) as connection:
            told = await connection.fetch("select error, attempts from media order by error")
        assert [(row["error"][:8], row["attempts"]) for row in told] == [
            ("", 1),
            ("HTTP 404", 1),
            ("Use a JP", 1),
        ]
        assert sorted(asked) == ["/bad.jpg", "/good.jpg", "/none.jpg"]
        cards = {}
        for _ in range(100):
            cards = {c["title"]: c for c in (await shop.get("/api/shop/products")).json()["items"]}
            if not cards["好"]["image"]["generated"]:
                break
            await asyncio.sleep(0.02)
        assert cards["好"]["image"] == images["好"]


async def test_a_host_that_does_not_answer_is_left_alone(runtime, database, brand, tmp_path):
    rows = ["title,price,images", *(f"件{n},1,http://127.0.0.1:9/{n}.jpg" for n in range(30))]
    (tmp_path / "p.csv").write_text("\n".join(rows))
    await run_import(database, brand.id, tmp_path / "p.csv")
    await jobs.run_waiting(runtime, brand.id)
    async with database.raw(brand.id) as connection:
        assert 3 <= await connection.fetchval("select count(*) from media where attempts = 1") <= 10


async def test_outside_the_demo_no_pictures_address_reaches_into_our_own_network(
    console, runtime, database, brand, tmp_path, monkeypatch
):
    guarded = Egress()
    monkeypatch.setattr(runtime, "egress", guarded)
    async with a_host_of_pictures() as (host, asked):
        port = host.rpartition(":")[2]
        ways = [
            f"http://{name}:{port}/good.jpg"
            for name in ("127.0.0.1", "localhost", "[::1]", "2130706433", "0x7f.1", "127.1", "[::ffff:127.0.0.1]", "0")
        ] + ["http://169.254.169.254/latest/meta-data/", "file:///etc/passwd", "gopher://127.0.0.1/x"]  # fmt: skip
        rows = ["title,price,images,status"]
        rows += [f"茶{at},1,{way},on_sale" for at, way in enumerate(ways)]
        (tmp_path / "p.csv").write_text("\n".join(rows))
        await run_import(database, brand.id, tmp_path / "p.csv")
        await jobs.run_waiting(runtime, brand.id)
        assert asked == []
        listed = (await console.get("/api/console/products?limit=50")).json()["items"]
        assert listed and all(one["image"]["generated"] for one in listed)
    await guarded.close()
