"""Queues of a batcher, one per brand: who waits, and who may travel together without overtaking or colliding."""

import asyncio
from collections import deque
from collections.abc import Hashable, Iterable, Iterator, Sequence
from time import monotonic
from typing import Generic, TypeVar

from siyu.kernel import tracing

Request = TypeVar("Request")
Answer = TypeVar("Answer")


class Waiting(Generic[Request, Answer]):
    """A request, what it competes for, whoever awaits its answer, and the request and place it was asked from."""

    __slots__ = ("answer", "claims", "places", "request", "request_id")

    def __init__(
        self, request: Request, claims: Iterable[Hashable], answer: "asyncio.Future[Answer]"
    ) -> None:
        self.request = request
        self.claims = tuple(claims)
        self.answer = answer
        self.places = tracing.here()
        self.request_id = tracing.request_id.get()


class Lane(Generic[Request, Answer]):
    """The queue of one brand: ``behind`` waits for claims that a running batch holds, ``fresh`` was not looked at yet."""

    def __init__(self) -> None:
        self.fresh: deque[Waiting[Request, Answer]] = deque()
        self.behind: deque[Waiting[Request, Answer]] = deque()
        self.wanted: set[Hashable] = set()
        self.held: set[Hashable] = set()
        self._under_way: dict[int, tuple[float, int]] = {}
        """When each running batch began, and how many it took."""

    @property
    def running(self) -> int:
        """How many batches are under way."""
        return len(self._under_way)

    def gather_beside(self, limit: int, patience_s: float) -> list[Waiting[Request, Answer]]:
        """``gather``; nothing while a batch runs that is larger than what waits: larger ones cost less.

        A batch that has run for ``patience_s`` is taken for stuck, and nobody waits any more until it has ended.
        The caller says when the batch has (``ended``).
        """
        now, waiting = monotonic(), len(self.fresh) + len(self.behind)
        under_way = self._under_way.values()
        stuck = any(now - begun >= patience_s for begun, _ in under_way)
        if not stuck and any(waiting < size for _, size in under_way):
            return []
        if taken := self.gather(limit):
            self._under_way[id(taken)] = now, len(taken)
        return taken

    def ended(self, batch: list[Waiting[Request, Answer]]) -> None:
        """A batch of ``gather_beside`` is done: whatever waited for it may go."""
        del self._under_way[id(batch)]
        self.freed(claim for waiting in batch for claim in waiting.claims)

    def gather(self, limit: int) -> list[Waiting[Request, Answer]]:
        """The next batch in order of arrival, without what would overtake or collide; empty when all must wait."""
        taken: list[Waiting[Request, Answer]] = []
        while self.fresh and len(taken) < limit:
            waiting = self.fresh.popleft()
            if waiting.answer.done():  # the asker went away
                continue
            if self.held.isdisjoint(waiting.claims) and self.wanted.isdisjoint(waiting.claims):
                taken.append(waiting)
            else:
                self.behind.append(waiting)
                self.wanted.update(waiting.claims)
        for waiting in taken:
            self.held.update(waiting.claims)
        return taken

    def freed(self, claims: Iterable[Hashable]) -> None:
        """A batch has ended: whatever stood behind it may be looked at again, before later arrivals."""
        self.held.difference_update(claims)
        self.behind.extend(self.fresh)
        self.fresh, self.behind = self.behind, deque()
        self.wanted.clear()


def rounds(keys: Sequence[Iterable[Hashable]]) -> Iterator[list[int]]:
    """Positions of a batch in as few groups as keep requests with a common key apart and in order.

    What is set-based in a group may name each key once; usually there is one group.
    """
    left = list(range(len(keys)))
    while left:
        group: list[int] = []
        later: list[int] = []
        taken: set[Hashable] = set()
        for at in left:
            own = set(keys[at])
            (later if own & taken else group).append(at)
            taken |= own
        yield group
        left = later
