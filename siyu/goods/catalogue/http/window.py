"""The shop window: finished answers kept as bytes, forgotten as soon as what they show has changed.

An answer goes when news of one of its products arrives (other processes' changes come over PostgreSQL, after
their commit), and at the latest after its time to live. An answer that was being made while news arrived is
given out but not kept, because nobody knows which side of the change it saw.
"""

import asyncio
import hashlib
import time
from collections import OrderedDict, defaultdict
from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from uuid import UUID

import msgspec

from siyu.kernel.effective import EffectiveChanged
from siyu.kernel.news import News

Make = Callable[[], Awaitable[tuple[bytes, frozenset[UUID], bool]]]
"""Makes an answer: its bytes, the products it shows, and whether any product of the brand may come into it (a list)."""
LISTENING_TTL_S, DEAF_TTL_S = 20.0, 0.5
MAX_BYTES, MAX_ANSWERS = 64_000_000, 20_000
Key = tuple[UUID, Any]


class Answer(msgspec.Struct):
    """Bytes ready to be sent, and what they depend on."""

    until: float
    start: dict[str, Any]
    body: dict[str, Any]
    etag: bytes
    products: frozenset[UUID]
    is_list: bool


class Window:
    """Kept answers of one process, at most ``MAX_BYTES`` and ``MAX_ANSWERS`` of them."""

    def __init__(self, news: News) -> None:
        self._news = news
        self._answers: OrderedDict[Key, Answer] = OrderedDict()
        self._bytes = 0
        self._showing: dict[tuple[UUID, UUID], set[Key]] = defaultdict(set)
        self._of_brand: dict[UUID, set[Key]] = defaultdict(set)
        self._heard: dict[UUID | None, int] = defaultdict(int)
        self._making: dict[Key, asyncio.Task[Answer]] = {}
        news.hear("catalogue", self._product_changed)
        news.hear("stock", self._stock_changed)
        news.hear_stated([EffectiveChanged], lambda brand_id: self._product_changed(brand_id, None))

    async def answer(self, brand_id: UUID, what: Any, make: Make) -> Answer:
        """The answer to ``what`` (hashable) of a brand: kept, being made, or made now. Raises what ``make`` raises."""
        key = (brand_id, what)
        kept = self._answers.get(key)
        if kept is not None:
            if kept.until > time.monotonic():
                self._answers.move_to_end(key)
                return kept
            self._forget(key)
        making = self._making.get(key)
        if making is None:
            making = self._making[key] = asyncio.create_task(self._make(key, make))
            making.add_done_callback(lambda _: self._making.pop(key, None))
        return await asyncio.shield(making)

    async def _make(self, key: Key, make: Make) -> Answer:
        heard = (self._heard[key[0]], self._heard[None])
        content, products, is_list = await make()
        ttl_s = LISTENING_TTL_S if self._news.listening else DEAF_TTL_S
        answer = _ready(content, products, time.monotonic() + ttl_s, is_list=is_list)
        if heard == (self._heard[key[0]], self._heard[None]):
            self._keep(key, answer, len(content))
        return answer

    def _keep(self, key: Key, answer: Answer, size: int) -> None:
        self._forget(key)
        self._answers[key] = answer
        self._bytes += size
        self._of_brand[key[0]].add(key)
        for product_id in answer.products:
            self._showing[key[0], product_id].add(key)
        while self._bytes > MAX_BYTES or len(self._answers) > MAX_ANSWERS:
            self._forget(next(iter(self._answers)))

    def _forget(self, key: Key) -> None:
        gone = self._answers.pop(key, None)
        if gone is None:
            return
        self._bytes -= len(gone.body["body"])
        _drop(self._of_brand, key[0], key)
        for product_id in gone.products:
            _drop(self._showing, (key[0], product_id), key)

    def _product_changed(self, brand_id: UUID | None, product_ids: Sequence[UUID] | None) -> None:
        """A product looks different: its page, and every list, because it may belong into any or out of it."""
        self._heard[brand_id] += 1
        if brand_id is None:
            for key in list(self._answers):
                self._forget(key)
            return
        for key in list(self._of_brand.get(brand_id, ())):
            answer = self._answers[key]
            if product_ids is None or answer.is_list or not answer.products.isdisjoint(product_ids):
                self._forget(key)

    def _stock_changed(self, brand_id: UUID | None, product_ids: Sequence[UUID] | None) -> None:
        """Other numbers of pieces: only answers that show one of the products."""
        if brand_id is None or product_ids is None:
            self._product_changed(brand_id, None)
            return
        self._heard[brand_id] += 1
        for product_id in product_ids:
            for key in list(self._showing.get((brand_id, product_id), ())):
                self._forget(key)


def _drop(index: dict[Any, set[Key]], at: Any, key: Key) -> None:
    keys = index.get(at)
    if keys is not None:
        keys.discard(key)
        if not keys:
            del index[at]


def _ready(content: bytes, products: frozenset[UUID], until: float, *, is_list: bool) -> Answer:
    etag = b'"' + hashlib.blake2b(content, digest_size=12).hexdigest().encode() + b'"'
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(content)),
        (b"etag", etag),
        (b"cache-control", b"no-cache"),
        (b"vary", b"accept-language"),
    ]
    return Answer(
        until,
        {"type": "http.response.start", "status": 200, "headers": headers},
        {"type": "http.response.body", "body": content},
        etag,
        products,
        is_list,
    )


async def send_answer(scope: Any, send: Any, answer: Answer) -> None:
    """Send it, or 304 to whoever has it already."""
    for name, value in scope["headers"]:
        if name == b"if-none-match" and (answer.etag in value or value == b"*"):
            headers = [
                (b"etag", answer.etag),
                (b"cache-control", b"no-cache"),
                (b"vary", b"accept-language"),
            ]
            await send({"type": "http.response.start", "status": 304, "headers": headers})
            await send({"type": "http.response.body", "body": b""})
            return
    await send({**answer.start, "headers": list(answer.start["headers"])})
    await send(answer.body)
