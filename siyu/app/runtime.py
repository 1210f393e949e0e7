"""What one running process holds: settings, doors to the engines, and what modules keep per process."""

import gc
from pathlib import Path
from typing import Any

from siyu.app import numbers
from siyu.app.keys import check_keys, learn_brought, obey_journal, open_keys
from siyu.kernel.db import Database
from siyu.kernel.egress import Egress
from siyu.kernel.files import Files
from siyu.kernel.settings import Settings, Urls, kept_secret
from siyu.kernel.slow import SlowStatements


def spare_collector() -> None:
    """Keep the garbage collector off what lives as long as the process: call it once everything is built.

    Going through all modules and routes again and again cost a quarter of the web process under load, and a
    full pass made everybody wait. Reference counting frees nearly everything a request leaves.
    """
    gc.enable()  # whoever starts a process keeps it off while the house is loaded
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


class Runtime:
    """Opened once per process and closed at its end; modules keep their per-process things in ``parts``."""

    def __init__(self, settings: Settings, urls: Urls, *, pool: int = 10) -> None:
        self.settings = settings
        self.urls = urls
        self.keys = open_keys(settings)
        self.database = Database(urls.app, urls.dispatcher, size=pool)
        self.slow = SlowStatements(self.database, settings.slow_ms)
        home = Path(settings.home)
        sealing = settings.secret or kept_secret(home, "files")
        self.files = Files(home / "files", sealing.encode())
        self.egress = Egress(allow_private=settings.profile == "demo")
        self.secret = (settings.secret or kept_secret(home, "signing")).encode()
        self.parts: dict[str, Any] = {}
        self._closers: list[Any] = []

    @property
    def is_demo(self) -> bool:
        """Whether the doors that production must not have are open."""
        return self.settings.profile == "demo"

    async def open(self) -> None:
        """Connect, then let the modules make what they keep per process. Raises ``EngineRefused``, see ``numbers`` and ``keys``."""
        from siyu.app.wiring import (
            STARTUPS,  # wiring imports every module; the runtime is imported by them
        )

        await self.database.open()
        async with self.database.dispatcher() as connection:
            await numbers.check(connection)
            await check_keys(connection, self.keys.folder)
        await learn_brought(self.database, self.keys)
        await obey_journal(self.database)
        for startup in STARTUPS:
            closer = await startup(self)
            if closer is not None:
                self._closers.append(closer)

    async def close(self) -> None:
        """Let the modules finish what they hold, in reverse order, and give the connections back."""
        while self._closers:
            await self._closers.pop()()
        await self.egress.close()
        await self.database.close()
