"""The web process: every door of the house behind one port, told apart by host."""

import asyncio
import json
import re
import threading
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import cache
from typing import Any

from litestar import Litestar, Router, get
from litestar.config.app import AppConfig
from litestar.di import NamedDependency, Provide
from litestar.response import Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from siyu.app import openapi, wiring
from siyu.app.health import measure
from siyu.app.hot import HotFirst
from siyu.app.pages import Pages
from siyu.app.runtime import Runtime
from siyu.kernel.http import Proxies, Surroundings, exception_handlers, headers_of, host_of
from siyu.people.customers import open_shopper, open_visit
from siyu.people.staff import open_desk


@get("/metrics", tags=["operations"], media_type="text/plain")
async def metrics(runtime: NamedDependency[Any]) -> Response[bytes]:
    """Prometheus metrics of this process and of the house, at the console's host."""
    await measure(runtime)
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


@get("/schema/openapi.json", tags=["operations"])
async def schema() -> Response[bytes]:
    """The document you are reading."""
    return Response(await asyncio.to_thread(_written), media_type="application/json")


_writing = threading.Lock()


def _written() -> bytes:
    with (
        _writing
    ):  # two that ask at once would import the framework's plug-ins at once, and one of them half
        return _document_bytes()


@cache
def _document_bytes() -> bytes:
    return json.dumps(document(), ensure_ascii=False).encode()


def document() -> dict[str, Any]:
    """The OpenAPI document of the whole application."""
    return openapi.document(_routers())


def _routers() -> list[Any]:
    console = Router(
        "/api/console", route_handlers=wiring.CONSOLE, dependencies={"desk": Provide(open_desk)}
    )
    shop = Router(
        "/api/shop",
        route_handlers=wiring.SHOP,
        dependencies={"visit": Provide(open_visit), "shopper": Provide(open_shopper)},
    )
    return [console, shop, metrics, schema, *wiring.ROOT]


def litestar_app(runtime: Runtime) -> Litestar:
    """The framework's part: plain handlers below /api/console and /api/shop, operations, OpenAPI."""

    @asynccontextmanager
    async def lifespan(_: Litestar) -> AsyncGenerator[None]:
        await runtime.open()
        try:
            yield
        finally:
            await runtime.close()

    def put_runtime(config: AppConfig) -> AppConfig:
        config.state["runtime"] = runtime
        return config

    def provide_runtime() -> Runtime:
        return runtime

    return Litestar(
        route_handlers=_routers(),
        dependencies={"runtime": Provide(provide_runtime, sync_to_thread=False)},
        exception_handlers=exception_handlers,
        lifespan=[lifespan],
        on_app_init=[put_runtime],
        openapi_config=None,  # the document is ours: siyu.app.openapi
        logging_config=None,
        request_max_body_size=64 * 1024 * 1024,
    )


def create_app(runtime: Runtime) -> Any:
    """The whole ASGI application: surroundings, doors by host, hot paths, framework, pages."""
    framework = litestar_app(runtime)
    pages = Pages(runtime)
    doors = Doors(runtime, HotFirst(framework, wiring.HOT), pages)
    return Surroundings(doors, policy=pages.policy, proxies=Proxies(runtime.settings.proxies))


_MOST_HOSTS = 1024
_LONGEST_HOST = len("x" * 255 + ":65535")


class Doors:
    """Sends a request to the door its host belongs to: console, a brand's shop, or pictures.

    Cookies are host-only, so this is what keeps a shopper's browser from ever sending a staff cookie.
    """

    def __init__(self, runtime: Runtime, app: Any, pages: Pages) -> None:
        self._app, self._pages, self._runtime = app, pages, runtime
        self._known: dict[bytes, tuple[str, str]] = {}
        """Hosts that were asked for lately, as they were written."""
        self._console = _host(runtime.settings.console)
        self._media = _host(runtime.settings.media)
        before, after = runtime.settings.shop("{slug}").split("{slug}", 1)
        after = re.sub(r"(:\d+)?(/.*)?$", "", after)
        self._shop = re.compile(
            re.escape(before.split("://", 1)[1]) + r"([a-z0-9][a-z0-9-]{0,62})" + re.escape(after)
        )

    def kind(self, host: str) -> str:
        """``console`` · ``media`` · ``shop`` for a host."""
        if host == self._media:
            return "media"
        if host == self._console or host in ("127.0.0.1", "[::1]", "testserver"):
            return "console"
        return "shop"

    def _door(self, host: str) -> tuple[str, str]:
        """The kind of a host, and the short name of the brand whose shop it is."""
        kind = self.kind(host)
        match = self._shop.fullmatch(host) if kind == "shop" else None
        return kind, match[1] if match else ""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path = scope["path"]
        state = scope.setdefault("state", {})
        named = headers_of(scope).get(b"host", b"")
        known = self._known.get(named)
        if known is None:
            known = self._door(host_of(scope))
            if len(named) <= _LONGEST_HOST:
                if len(self._known) >= _MOST_HOSTS:
                    self._known.clear()
                self._known[named] = known
        kind, slug = known
        state["door"], state["runtime"] = kind, self._runtime
        if slug:
            state["slug"] = slug
        if (
            path.startswith(_ALLOWED[kind])
            or path in _HEALTH
            or (kind == "console" and path == "/metrics")
        ):
            await self._app(scope, receive, send)
        else:
            await self._pages(scope, receive, send)


_HEALTH = ("/health/live", "/health/ready")
_ALLOWED = {
    "console": ("/api/console/", "/schema/", "/v1/"),
    "shop": ("/api/shop/", "/v1/", "/l/"),
    "media": ("/media/",),
}


def _host(origin: str) -> str:
    return re.sub(r":\d+$", "", origin.split("://", 1)[1])
