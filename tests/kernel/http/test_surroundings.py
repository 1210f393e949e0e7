"""Around every request: what it says of itself is read once and belongs to it alone; every answer is guarded."""

from typing import Any

from siyu.kernel.http import Surroundings, headers_of, send_bytes

PAGE = b"default-src 'self'"


async def answered(kind: bytes, *, headers: Any = (), asked: Any = (), shared: Any = None) -> Any:
    """The headers of an answer, and those that the handler saw of the request."""
    seen: dict[bytes, bytes] = {}
    sent: list[Any] = []

    async def handler(scope: Any, _: Any, send: Any) -> None:
        seen.update(headers_of(scope))
        await send_bytes(send, 200, b"{}", content_type=kind, headers=headers)

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": "/api/shop/x", "headers": [*asked]}
    if shared is not None:
        scope["state"] = shared
    await Surroundings(handler, policy=lambda _: PAGE)(scope, None, send)
    return dict(sent[0]["headers"]), seen


async def test_data_may_neither_run_nor_be_framed_and_a_page_has_the_policy_of_its_door():
    of_data, _ = await answered(b"application/json")
    assert of_data[b"content-security-policy"] == b"default-src 'none'; frame-ancestors 'none'"
    of_page, _ = await answered(b"text/html; charset=utf-8")
    assert of_page[b"content-security-policy"] == PAGE
    own, _ = await answered(b"application/json", headers=[(b"content-security-policy", b"sandbox")])
    assert own[b"content-security-policy"] == b"sandbox"
    for answer in (of_data, of_page, own):
        assert answer[b"x-content-type-options"] == b"nosniff"
        assert answer[b"cache-control"] == b"no-store" and len(answer[b"x-request-id"]) == 32


async def test_of_a_header_that_comes_twice_the_first_counts():
    twice = [(b"host", b"one"), (b"x-request-id", b"first-of-all"), (b"host", b"two")]
    answer, seen = await answered(b"application/json", asked=twice)
    assert seen[b"host"] == b"one" and answer[b"x-request-id"] == b"first-of-all"


async def test_what_one_request_says_is_never_taken_for_another_ones():
    shared: dict[str, Any] = {"of": "the server"}  # as a server might hand it to all
    _, first = await answered(b"application/json", asked=[(b"cookie", b"mine")], shared=shared)
    _, other = await answered(b"application/json", asked=[(b"accept", b"*/*")], shared=shared)
    assert first == {b"cookie": b"mine"} and other == {b"accept": b"*/*"}
    assert shared == {"of": "the server"}
