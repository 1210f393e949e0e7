"""People who do not give up: buyers, payers and trackers over HTTP who repeat with the same key until they have an answer."""

import asyncio
import random
import time
from collections import Counter, defaultdict
from typing import Any
from uuid import UUID, uuid4

import httpx

from bench.stall import Buyer, Stall
from tests.crash.house import SOON_S, House

PAUSE_S = 0.1
"""Between two orders of a buyer: a moderate load, which leaves the machine room to recover."""
RETRY = (429, 503)
"""Answers that ask to come back; any other than a success is a failure of the house."""


class Crowd:
    """What everybody asked for and what they were told, to be compared with the books."""

    def __init__(self, house: House, stall: Stall) -> None:
        self.house, self.stall = house, stall
        self.placed: dict[tuple[UUID, str], set[str]] = defaultdict(set)
        """Order ids that were acknowledged, by buyer and key."""
        self.paid: set[str] = set()
        self.messages = 0
        """Messages of acknowledged batches."""
        self.answers: Counter[str] = Counter()
        self.wrong: list[str] = []
        """Answers that nobody should get, whatever is struck."""
        self.struck_at = float("inf")
        self.served_again_at: float | None = None
        """When the first order was acknowledged that was sent after the blow."""
        self._limits = httpx.Limits(max_connections=1)

    async def run(self, over: asyncio.Event, *, buyers: int, payers: int, senders: int) -> None:
        """Let them come until it is over, then let each finish what it has begun."""
        people = self.stall.buyers
        assert len(people) >= buyers + payers
        async with asyncio.TaskGroup() as together:
            for at, person in enumerate(people[: buyers + payers]):
                together.create_task(self._buys(person, over, pays=at >= buyers))
            for _ in range(senders):
                together.create_task(self._sends(over))

    async def _buys(self, person: Buyer, over: asyncio.Event, *, pays: bool) -> None:
        sku = self.stall.skus[hash(person.id) % len(self.stall.skus)]
        order = {
            "lines": [{"sku_id": str(sku), "quantity": 1}], "delivery": "express",
            "address_id": str(person.address_id), "expected_total_minor": self.stall.total_minor,
        }  # fmt: skip
        async with self._client(person) as client:
            while not over.is_set():
                key = uuid4().hex
                placed, sent = await self._until_done(
                    client, "/api/shop/orders", order, key, expected=201
                )
                self.placed[person.id, key].add(placed["id"])
                if sent > self.struck_at and self.served_again_at is None:
                    self.served_again_at = time.time()
                again, _ = await self._until_done(
                    client, "/api/shop/orders", order, key, expected=201
                )
                self.placed[person.id, key].add(again["id"])
                if pays:
                    await self._pays(client, placed["id"])
                await asyncio.sleep(PAUSE_S)

    async def _pays(self, client: httpx.AsyncClient, order_id: str) -> None:
        """Pay at the sandbox's cashier, which calls back twice."""
        begun, _ = await self._until_done(client, f"/api/shop/orders/{order_id}/pay", None, "")
        path = f"/api/shop/cashier/{begun['payment_id']}"
        told, _ = await self._until_done(client, path, {"outcome": "twice"}, "")
        assert told["state"] == "succeeded", told
        self.paid.add(order_id)

    async def _sends(self, over: asyncio.Event) -> None:
        async with self._client(None) as client:
            while not over.is_set():
                visitor = uuid4().hex
                batch = [
                    {"type": "track", "event": "Product Viewed", "messageId": uuid4().hex, "anonymousId": visitor, "properties": {"quantity": at}}
                    for at in range(20)
                ]  # fmt: skip
                body = {"batch": batch, "writeKey": self.stall.write_key}
                await self._until_done(client, "/v1/batch", body, "")
                self.messages += len(batch)
                await asyncio.sleep(PAUSE_S)

    def _client(self, person: Buyer | None) -> httpx.AsyncClient:
        headers = {"host": self.stall.host}
        if person is not None:
            headers["authorization"] = f"Bearer {person.token}"
        return httpx.AsyncClient(headers=headers, timeout=20, trust_env=False, limits=self._limits)

    async def _until_done(
        self, client: httpx.AsyncClient, path: str, body: Any, key: str, *, expected: int = 200
    ) -> tuple[Any, float]:  # fmt: skip
        """Repeat one request until it is answered; the answer and when it was first sent (Unix time)."""
        sent, end = time.time(), time.monotonic() + SOON_S
        while True:
            assert time.monotonic() < end, f"no answer to {path} within {SOON_S:g} s"
            # As a load balancer without memory does it: any of the web processes.
            port = random.choice(self.house.ports)
            try:
                answer = await client.post(
                    f"http://127.0.0.1:{port}{path}",
                    json=body,
                    headers={"idempotency-key": key} if key else {},
                )
            except httpx.TransportError as error:
                self.answers[type(error).__name__] += 1
                await asyncio.sleep(0.25)
                continue
            self.answers[str(answer.status_code)] += 1
            if answer.status_code == expected:
                return answer.json(), sent
            if answer.status_code not in RETRY:
                self.wrong.append(f"{path}: {answer.status_code} {answer.text[:300]}")
                assert len(self.wrong) < 50, self.wrong[:3]
            await asyncio.sleep(0.1)
