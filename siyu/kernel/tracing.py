"""Traces: who waited for whom, told to an OpenTelemetry collector as OTLP/JSON; costs nothing while nobody is told.

A *place* is a span that is open: what is begun below it is its child. Work that is done for many at once – a batch,
a page of events – stands in several places, and each of its spans is told once per place, so that every order's
trace is whole. Places travel with events (``actor.trace``), as ``trace-span`` in hex.
"""

import re
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from os import urandom
from random import random
from typing import Any, Protocol

import msgspec

CARRIED = 64
"""So many places at most are carried through one batch or page; the traces of the others end before it."""
SERVER, INTERNAL, CLIENT, CONSUMER = 2, 1, 3, 5
"""Kinds of span, as OTLP numbers them."""
_PARENT = re.compile(r"^[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}$")
_PLACE = re.compile(r"^([0-9a-f]{32})-([0-9a-f]{16})$")
_NOTHING: AbstractContextManager[None] = nullcontext()

request_id: ContextVar[str] = ContextVar("siyu_request_id", default="")
"""The id of the request that is being served; empty elsewhere."""


class Place(msgspec.Struct, frozen=True):
    """An open span: 32 and 16 hex digits."""

    trace: str
    span: str

    def __str__(self) -> str:
        """As it travels with an event."""
        return f"{self.trace}-{self.span}"


class Span(msgspec.Struct, frozen=True):
    """What was done, in Unix nanoseconds; ``parent`` is empty for the first of a trace."""

    name: str
    kind: int
    place: Place
    parent: str
    began: int
    ended: int
    facts: dict[str, Any]
    failure: str


class Teller(Protocol):
    """Who is told about finished spans; must not block or raise."""

    share: float
    """Of the requests, how many are traced: 0 to 1."""

    def tell(self, spans: Sequence[Span]) -> None:
        """Take finished spans."""
        ...


Places = tuple[Place, ...]
_here: ContextVar[Places] = ContextVar("siyu_trace", default=())
_asked: ContextVar[dict[int, Place]] = ContextVar("siyu_trace_asked")
_teller: list[Teller] = []


def tell_to(teller: Teller | None) -> None:
    """Let spans of this process be told to somebody, or to nobody any more."""
    _teller[:] = [] if teller is None else [teller]


def is_on() -> bool:
    """Whether anybody is told."""
    return bool(_teller)


def here() -> Places:
    """Where the running code stands; empty when it is not traced."""
    return _here.get()


def place_of(carried: str) -> Place | None:
    """The place that an event carries; None for what is none."""
    match = _PLACE.match(carried)
    return Place(match[1], match[2]) if match else None


def begin(name: str, parent: str = "") -> AbstractContextManager[dict[str, Any] | None]:
    """A trace's first span here, around the answer to a request; ``parent`` is a ``traceparent`` header, if one came.

    Whether it is told is the house's own draw: a visitor's header cannot ask for it. Yields the facts, to add to.
    """
    if not _teller or random() >= _teller[0].share:  # noqa: S311 – a draw, no secret
        return _NOTHING
    match = _PARENT.match(parent)
    above = Place(match[1], match[2]) if match else Place(urandom(16).hex(), "")
    return _span(name, (above,), SERVER, {})


def span(
    name: str,
    facts: dict[str, Any] | None = None,
    *,
    places: Places | None = None,
    kind: int = INTERNAL,
) -> AbstractContextManager[dict[str, Any] | None]:
    """Around work that belongs to ``places`` (else to where the code stands); yields the facts, to add to."""
    if not _teller:
        return _NOTHING
    above = _here.get() if places is None else places
    return _span(name, above, kind, facts or {}) if above else _NOTHING


@contextmanager
def _span(name: str, above: Places, kind: int, facts: dict[str, Any]) -> Iterator[dict[str, Any]]:
    mine = tuple(Place(one.trace, urandom(8).hex()) for one in above[:CARRIED])
    before, began, failure = _here.set(mine), time.time_ns(), ""
    try:
        yield facts
    except BaseException as error:
        failure = type(error).__name__  # never its text: it may name people
        raise
    finally:
        _here.reset(before)
        if _teller:
            ended = time.time_ns()
            _teller[0].tell(
                [
                    Span(name, kind, place, parent.span, began, ended, facts, failure)
                    for place, parent in zip(mine, above, strict=False)
                ]
            )


@contextmanager
def _batch(name: str, requests: Sequence[Any], above: Sequence[Places]) -> Iterator[None]:
    traced = [
        (id(request), places[0]) for request, places in zip(requests, above, strict=True) if places
    ]
    with _span(
        name, tuple(place for _, place in traced), CONSUMER, {"siyu.batch.size": len(requests)}
    ):
        mine = _asked.set(
            {key: place for (key, _), place in zip(traced, _here.get(), strict=False)}
        )
        try:
            yield
        finally:
            _asked.reset(mine)


def batch(
    name: str, requests: Sequence[Any], above: Sequence[Places]
) -> AbstractContextManager[None]:
    """Around requests that are decided together, each asked from its own place. ``told`` finds them by request.

    For a task of its own: begun by one of many, or by the batch before, it stood in a place that is not its own.
    """
    if not _teller:
        return _NOTHING
    _here.set(())
    _asked.set({})
    return _batch(name, requests, above) if any(above) else _NOTHING


def told(requests: Iterable[Any]) -> list[str]:
    """Inside a batch: what the events of these requests carry, by position; empty when nothing is traced."""
    asked = _asked.get(None) if _teller else None
    if not asked:
        return []
    return [str(asked.get(id(request), "")) for request in requests]


def carried() -> str:
    """What an event stated here carries: the one place the code stands in, or nothing."""
    places = _here.get()
    return str(places[0]) if len(places) == 1 else ""


def carried_by(actors: Iterable[str]) -> Places:
    """The places that events carry, given their actors as JSON; each trace's first one, ``CARRIED`` at most."""
    found: dict[str, Place] = {}
    if _teller:
        for actor in actors:
            if '"trace"' in actor and (
                place := place_of(msgspec.json.decode(actor).get("trace", ""))
            ):
                found.setdefault(place.trace, place)
                if len(found) == CARRIED:
                    break
    return tuple(found.values())
