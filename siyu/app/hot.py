"""Hot paths: raw ASGI callables that answer before the framework sees the request."""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from siyu.kernel.errors import Refusal
from siyu.kernel.http import send_failure, send_problem

Asgi = Callable[[Any, Any, Any], Awaitable[None]]


class Hot(msgspec.Struct, frozen=True):
    """A method and a path that a raw callable serves: exact, or everything below it when it ends with ``/``."""

    method: str
    path: str
    serve: Asgi


class HotFirst:
    """ASGI middleware: tries the hot paths, then the framework. Refusals and failures become problem documents."""

    def __init__(self, app: Asgi, hot: list[Hot]) -> None:
        self._app = app
        self._exact = {
            (one.method, one.path): one.serve for one in hot if not one.path.endswith("/")
        }
        self._below = [(one.method, one.path, one.serve) for one in hot if one.path.endswith("/")]

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one connection."""
        if scope["type"] == "http":
            method, path = scope["method"], scope["path"]
            serve = self._exact.get((method, path))
            if serve is not None:
                scope["path_template"] = path
            else:
                for of_method, prefix, below in self._below:
                    if (
                        method == of_method
                        and path.startswith(prefix)
                        and "/" not in path[len(prefix) :].rstrip("/")
                    ):
                        serve, scope["path_template"] = below, prefix + "*"
                        break
            if serve is not None:
                try:
                    await serve(scope, receive, send)
                except Refusal as refusal:
                    await send_problem(scope, send, refusal)
                except Exception as error:  # noqa: BLE001 - what nobody foresaw is logged and answered
                    await send_failure(scope, send, error)
                return
        await self._app(scope, receive, send)
