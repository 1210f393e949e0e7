"""Around every request: an id, a log line's context, security headers; and small tools of raw ASGI handlers."""

import re
import time
from typing import Any

import msgspec
import structlog

from siyu.kernel import tracing
from siyu.kernel.errors import Refusal
from siyu.kernel.http.answered import answered
from siyu.kernel.http.proxies import Proxies
from siyu.kernel.ids import new_id

_REQUEST_ID = re.compile(r"^[A-Za-z0-9_.\-]{8,64}$")
_ALWAYS = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"strict-origin-when-cross-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=(self), payment=()"),
]
_JSON = (b"content-type", b"application/json")
_OF_DATA = b"default-src 'none'; frame-ancestors 'none'"
"""The policy of answers that are no page: nothing of them may run, or be framed."""
_OWN = frozenset([*(name for name, _ in _ALWAYS), b"x-request-id"])
log = structlog.get_logger("siyu.http")
ELSEWHERE = "other"
"""The route of what no handler was found for: pages, files, and addresses that do not exist."""
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def add_request_id(_: Any, __: str, entry: dict[str, Any]) -> dict[str, Any]:
    """A structlog processor: lines written during a request carry its id, and that of its trace."""
    if request_id := tracing.request_id.get():
        entry.setdefault("request_id", request_id)
    if places := tracing.here():
        entry.setdefault("trace_id", places[0].trace)
    return entry


LEFT = 499
"""The status under which requests are counted whose visitor had left before the answer."""


class Surroundings:
    """ASGI middleware: ``X-Request-Id``, security headers, metrics by door, one context for the log, the caller's address.

    A visitor who has left is nobody's failure: what is still sent to them is dropped here, and not taken by the
    layers below for a connection of ours that broke.
    """

    def __init__(self, app: Any, *, policy: Any = None, proxies: Proxies | None = None) -> None:
        """``policy(scope) -> bytes | None`` gives the Content-Security-Policy of HTML answers; ``proxies``: the trusted."""
        self._app, self._policy, self._proxies = app, policy, proxies or Proxies(())

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        self._proxies.settle(scope)
        # Of this request alone, whatever the server hands out.
        scope["state"] = {**scope.get("state", {})}
        given = _header(scope, b"x-request-id")
        request_id = given if given and _REQUEST_ID.match(given) else new_id().hex
        scope["state"]["request_id"] = request_id
        began, status = time.perf_counter(), 0
        own = [*_ALWAYS, (b"x-request-id", request_id.encode())]

        async def send_with_headers(message: Any) -> None:
            nonlocal status
            if message["type"] == "http.response.start" and status != LEFT:
                status = message["status"]
                given = message.get("headers", ())
                present = {name for name, _ in given}
                if present.isdisjoint(_OWN):
                    headers = [*given, *own]
                else:
                    headers = [*given, *(pair for pair in own if pair[0] not in present)]
                if self._policy and b"content-security-policy" not in present:
                    policy = _OF_DATA if _JSON in given else self._policy(scope)
                    if policy:
                        headers.append((b"content-security-policy", policy))
                if b"cache-control" not in present:
                    headers.append((b"cache-control", b"no-store"))
                message = {**message, "headers": headers}
            if status == LEFT:
                return
            try:
                await send(message)
            except OSError:  # what ASGI servers raise to one who sends to a closed connection
                status = LEFT

        before = tracing.request_id.set(request_id)
        path: str = scope["path"]
        try:
            if not tracing.is_on():
                await self._app(scope, receive, send_with_headers)
            else:
                parent = _header(scope, b"traceparent") or ""
                with tracing.begin(f"{scope['method']} {_door(path)}", parent) as facts:
                    await self._app(scope, receive, send_with_headers)
                    if facts is not None:
                        facts["http.route"] = route_of(scope)
                        facts["http.response.status_code"] = status
                        facts["siyu.request_id"] = request_id
        finally:
            tracing.request_id.reset(before)
            seconds = time.perf_counter() - began
            answered.count(_door(path), route_of(scope), status, seconds)


def route_of(scope: Any) -> str:
    """``POST /api/shop/orders/{order_id:uuid}/pay``: of so many routes as there are handlers, or ``other``."""
    pattern: str | None = scope.get("path_template")
    method = scope["method"]
    return f"{method} {pattern}" if pattern and method in _METHODS else ELSEWHERE


def _door(path: str) -> str:
    parts = path.split("/", 3)
    if len(parts) > 2 and parts[1] in ("api", "v1"):
        return (
            f"/{parts[1]}/{parts[2]}"
            if parts[1] == "api" and parts[2] in ("console", "shop")
            else f"/{parts[1]}"
        )
    return f"/{parts[1]}" if parts[1] in ("media", "l", "health", "metrics", "schema", "m") else "/"


def request_id_of(scope: Any) -> str:
    """The id that the log and the answer carry for this request."""
    return scope.get("state", {}).get("request_id", "")


def headers_of(scope: Any) -> dict[bytes, bytes]:
    """The headers of a request by name, lower case; of several with one name the first. Made once per request."""
    state = scope.setdefault("state", {})
    found: dict[bytes, bytes] | None = state.get("headers")
    if found is None:
        found = state["headers"] = dict(reversed([*scope["headers"]]))
    return found


def _header(scope: Any, name: bytes) -> str | None:
    value = headers_of(scope).get(name)
    return None if value is None else value.decode("latin-1")


def host_of(scope: Any) -> str:
    """The host that was asked for, lower case, without the port."""
    host = (_header(scope, b"host") or "").lower()
    return host.rsplit(":", 1)[0] if not host.endswith("]") else host


def client_address(scope: Any) -> str:
    """Who the request counts for: the connection's other end, or whom a trusted proxy named (``Surroundings`` settles it)."""
    client = scope.get("client")
    return client[0] if client else ""


class TooLarge(Refusal):
    """The body is larger than this address takes."""

    code = "http.too_large"
    status = 413
    detail = "The request is larger than allowed."


async def read_body(receive: Any, max_bytes: int = 1_000_000) -> bytes:
    """The whole body of a raw ASGI request. Raises ``TooLarge`` beyond ``max_bytes``."""
    message = await receive()
    body = message.get("body", b"")
    if not message.get("more_body"):
        if len(body) > max_bytes:
            raise TooLarge(max_bytes=max_bytes)
        return body
    gathered = bytearray(body)
    while message.get("more_body"):
        message = await receive()
        gathered += message.get("body", b"")
        if len(gathered) > max_bytes:
            raise TooLarge(max_bytes=max_bytes)
        if message["type"] == "http.disconnect":
            break
    return bytes(gathered)


async def send_bytes(
    send: Any,
    status: int,
    body: bytes,
    *,
    content_type: bytes = b"application/json",
    headers: Any = (),
) -> None:
    """Answer from a raw ASGI handler."""
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [
                (b"content-type", content_type),
                (b"content-length", b"%d" % len(body)),
                *headers,
            ],
        }
    )
    await send({"type": "http.response.body", "body": body})


async def send_json(send: Any, status: int, value: Any) -> None:
    """``send_bytes`` of a value as JSON."""
    await send_bytes(send, status, msgspec.json.encode(value))
