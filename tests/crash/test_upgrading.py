"""Upgrading: the folder of the version before the newest migrations is opened by this one, and both serve it side by side.

Migrations expand, then data moves, then – a version later – they contract. A step that contracts says so in its file
(``contract = "why"``); while one is among the newest, the old program is not asked to serve, and the test says which.
"""

import asyncio
import os
import re
import subprocess
import sys
import tarfile
from collections.abc import AsyncIterator
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from siyu.app.schema import MIGRATIONS
from siyu.kernel.checks import run_checks
from siyu.kernel.engines import free_port, host
from tests.crash.house import ROOT, House, environment

STEPS = "siyu/app/migrations/versions"
_CONTRACT = re.compile(r'^contract = "(.+)"$', re.MULTILINE)
_STOCK_UP = """
import asyncio, json, sys
from bench.stack import Stack
from bench.stall import open_stall
from siyu.kernel.settings import Settings, urls_of
from pathlib import Path

async def main(home, port):
    note = json.loads((Path(home) / "engines.json").read_text())
    stack = Stack(None, port, urls_of(Settings(home=Path(home)), **note))
    try:
        from siyu.app.keys import open_keys
        open_keys(Settings(home=Path(home)))
    except ImportError:
        pass  # older than the vault
    await stack.database.open()
    stall = await open_stall(stack, skus=2, pieces=90, buyers=3)
    print(json.dumps({
        "brand": str(stall.brand_id), "host": stall.host.partition(":")[0], "total": stall.total_minor,
        "skus": [str(one) for one in stall.skus],
        "buyers": [[one.token, str(one.address_id)] for one in stall.buyers],
    }))
    await stack.database.close()

asyncio.run(main(sys.argv[1], int(sys.argv[2])))
"""


def git(*words: str) -> str:
    """What git says about this repository; skips where there is none."""
    try:
        done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("the version before is taken from git, and there is no repository here")
    return done.stdout.strip()


def version_before() -> str:
    """The commit before the newest migrations came: HEAD while they are not committed yet."""
    if git("status", "--porcelain", "--", STEPS):
        return git("rev-parse", "HEAD")
    newest = git("log", "-1", "--first-parent", "--format=%H", "--", STEPS)
    found = git("rev-list", "--parents", "-n", "1", newest).split()
    if len(found) < 2:
        pytest.skip(f"the clone does not reach back before {newest[:9]}; fetch more of it")
    return found[1]


def contracting(before: str) -> dict[str, str]:
    """Steps newer than a commit that say they contract, with their reason."""
    known = {
        Path(line).name for line in git("ls-tree", "--name-only", before, f"{STEPS}/").splitlines()
    }
    found: dict[str, str] = {}
    for path in sorted((MIGRATIONS / "versions").glob("*.py")):
        if path.name not in known and (match := _CONTRACT.search(path.read_text())):
            found[path.stem] = match[1]
    return found


class Old:
    """The program of an earlier commit, unpacked; runs with this environment's packages."""

    def __init__(self, folder: Path, commit: str) -> None:
        packed = subprocess.run(
            ["git", "archive", commit, "siyu", "bench"], cwd=ROOT, capture_output=True, check=True
        ).stdout
        with tarfile.open(fileobj=BytesIO(packed)) as archive:
            archive.extractall(folder, filter="data")
        (folder / "web").symlink_to(ROOT / "web")
        self.folder, self.commit = folder, commit

    def environment(self, home: Path, **more: str) -> dict[str, str]:
        return environment(home, PYTHONPATH=str(self.folder), **more)

    def start(self, *words: str, env: dict[str, str], log: Path) -> subprocess.Popen[bytes]:
        with log.open("ab") as output:
            return subprocess.Popen(
                [sys.executable, "-m", "siyu", *words], cwd=self.folder, env=env, stdout=output, stderr=output,
                start_new_session=True,
            )  # fmt: skip


class Shop(msgspec.Struct):
    """A brand of the old program, its shoppers, and the orders that were acknowledged, by id with their buyer."""

    brand: str
    host: str
    total: int
    skus: list[str]
    buyers: list[tuple[str, str]]
    orders: dict[str, int] = {}

    async def buy(self, port: int) -> None:
        """Every shopper orders a piece at a port."""
        for at, (token, address) in enumerate(self.buyers):
            order = {
                "lines": [{"sku_id": self.skus[at % 2], "quantity": 1}], "delivery": "express", "address_id": address,
                "expected_total_minor": self.total,
            }  # fmt: skip
            headers = {
                "host": self.host,
                "authorization": f"Bearer {token}",
                "idempotency-key": os.urandom(8).hex(),
            }
            async with httpx.AsyncClient(
                base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=20
            ) as client:
                answer = await client.post("/api/shop/orders", json=order, headers=headers)
            assert answer.status_code == 201, answer.text
            self.orders[answer.json()["id"]] = at

    async def see_all(self, port: int) -> None:
        """Every shopper sees every order of theirs at a port, with the same total."""
        for order_id, at in self.orders.items():
            headers = {"host": self.host, "authorization": f"Bearer {self.buyers[at][0]}"}
            async with httpx.AsyncClient(
                base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=20
            ) as client:
                answer = await client.get(f"/api/shop/orders/{order_id}", headers=headers)
            assert answer.status_code == 200, answer.text
            assert answer.json()["total_minor"] == self.total


async def served(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    """Wait until a program serves."""
    async with httpx.AsyncClient(trust_env=False, timeout=2) as client:
        for _ in range(900):
            assert process.poll() is None, log.read_text()[-3000:]
            try:
                if (await client.get(f"http://127.0.0.1:{port}/health/ready")).status_code == 200:
                    return
            except httpx.HTTPError:
                pass
            await asyncio.sleep(0.1)
    raise AssertionError(log.read_text()[-3000:])


class Upgraded(msgspec.Struct):
    """A house of this version on a folder that the old one has made."""

    house: Any
    old: Any
    shop: Shop
    revision: str
    """The schema's, as the old program left it."""


@pytest.fixture(scope="module")
async def upgraded(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Upgraded]:
    """The old program makes a folder with orders in it and ends; this one opens it."""
    if not Path("/proc/self/environ").exists():
        pytest.skip("programs are found in /proc")
    house = House()
    folder = house.folder / "old"
    folder.mkdir()
    old = Old(folder, version_before())
    try:
        env = old.environment(house.home, SIYU_PROFILE="demo")
        process = old.start("up", "--port", str(house.port), env=env, log=house.log)
        await served(process, house.port, house.log)
        made = await asyncio.to_thread(
            subprocess.run, [sys.executable, "-c", _STOCK_UP, str(house.home), str(house.port)],
            cwd=folder, env=env, capture_output=True, text=True,
        )  # fmt: skip
        assert made.returncode == 0, made.stderr[-3000:]
        shop = msgspec.json.decode(made.stdout.splitlines()[-1], type=Shop)
        await shop.buy(house.port)
        await house.connect(process)
        revision = await _revision(house)
        await house.stop()
        await house.start()
        yield Upgraded(house, old, shop, revision)
        await house.stop()
    finally:
        house.forget()


async def _revision(house: House) -> str:
    import asyncpg

    connection = await asyncpg.connect(house.stack.urls.owner)
    try:
        return await connection.fetchval("select version_num from alembic_version")
    finally:
        await connection.close()


async def test_this_version_opens_the_folder_of_the_one_before(upgraded):
    house, shop = upgraded.house, upgraded.shop
    newest = max(path.stem[:4] for path in (MIGRATIONS / "versions").glob("*.py"))
    assert upgraded.revision < newest == await _revision(house)
    assert len(shop.orders) == 3
    await shop.see_all(house.port)
    await shop.buy(house.port)
    await shop.see_all(house.port)
    assert await run_checks(house.stack.database, shop.brand) == []


async def test_the_version_before_goes_on_serving_while_the_schema_is_already_new(upgraded):
    if steps := contracting(upgraded.old.commit):
        pytest.skip(f"contract steps since {upgraded.old.commit[:9]}: {steps}")
    house, old, shop = upgraded.house, upgraded.old, upgraded.shop
    urls, port, log = house.stack.urls, free_port(), house.folder / "serve.log"
    env = old.environment(
        house.home, SIYU_DATABASE_APP_URL=urls.app, SIYU_DATABASE_DISPATCHER_URL=urls.dispatcher,
        SIYU_CLICKHOUSE_URL=urls.clickhouse,
    )  # fmt: skip
    env.pop("SIYU_TEST_FAST_HASH", None)
    process = old.start("serve", "--port", str(port), env=env, log=log)
    try:
        await served(process, port, log)
        await shop.see_all(port)
        await shop.buy(port)
        await shop.see_all(port)
        await shop.see_all(house.port)  # this version reads what the old one wrote just now
    finally:
        process.terminate()
        if not await asyncio.to_thread(host.wait_until, lambda: process.poll() is not None, 20):
            host.signalled(process.pid, 9, group=True)
    assert await run_checks(house.stack.database, shop.brand) == []


def test_a_step_that_contracts_says_why():
    for path in sorted((MIGRATIONS / "versions").glob("*.py")):
        for reason in re.findall(r"^contract\b.*$", path.read_text(), re.MULTILINE):
            match = _CONTRACT.match(reason)
            assert match and len(match[1].split()) >= 4, f"{path.name}: {reason}"
