"""Which module brings what: one line per module and list; only ``app`` knows everybody.

``CONSOLE`` handlers stand below ``/api/console``, ``SHOP`` below ``/api/shop``, ``ROOT`` at the root.
``HOT`` are raw ASGI callables in front of the framework: ``Hot(method, prefix, asgi)``; the same paths also exist
as plain handlers, so that they stand in the OpenAPI document. ``LISTENING`` modules register reactions,
timers, jobs and invariants by being imported. ``STARTUPS`` are ``async def (runtime)`` called when a process opens, and
may return an ``async def ()`` that is called when it closes.
"""

from collections.abc import Awaitable, Callable
from types import ModuleType
from typing import Any

from siyu.app.hot import Hot

CONSOLE: list[Any] = []
SHOP: list[Any] = []
ROOT: list[Any] = []
HOT: list[Hot] = []
LISTENING: list[ModuleType] = []
STARTUPS: list[Callable[[Any], Awaitable[Any]]] = []
