"""A house with a second web process and a second worker beside it, each under somebody who starts it again, as systemd does."""

from typing import Any

from tests.crash.house import EVERYTHING, House
from tests.processes.programs import Program

SECONDS_OF_EACH = {"second web": "serve", "second worker": "work"}


class SeveralHouse(House):
    """``siyu up`` and, on its engines' URLs, one more ``siyu serve`` and one more ``siyu work``."""

    def __init__(self, profile: str = "demo") -> None:
        super().__init__(profile)
        self._beside: dict[str, Program] = {}

    @property
    def ports(self) -> list[int]:
        """Where the web processes answer."""
        return [self.port, *(one.port for one in self._beside.values() if one.port)]

    async def start(self, within_s: float = 180.0) -> float:
        """Start the house, then the others: the engines' addresses are new each time."""
        took_s = await super().start(within_s)
        urls = self.stack.urls
        settings: dict[str, Any] = {
            "SIYU_PROFILE": self.profile, "SIYU_DATABASE_URL": urls.owner, "SIYU_CLICKHOUSE_URL": urls.clickhouse,
        }  # fmt: skip
        for name, what in SECONDS_OF_EACH.items():
            port = self._beside[name].port if name in self._beside else 0
            log = self.folder / f"{name}.log"
            self._beside[name] = Program(what, self.home, log, port=port, **settings)
            await self._beside[name].start()
        return took_s

    def strike(self, victim: str, *, whole: bool = True) -> list[int]:
        """``strike`` of the house's own parts, and of the two beside it."""
        if victim in self._beside:
            self._beside[victim].kill()
            return [self._beside[victim].process.pid]
        struck = super().strike(victim, whole=whole)
        if victim == EVERYTHING:
            for one in self._beside.values():
                one.kill()
        return struck

    async def mend(self, victim: str) -> None:
        """Start what nobody else starts again."""
        if victim in self._beside:
            await self._beside[victim].start()
        else:
            await super().mend(victim)

    async def stop(self) -> None:
        """The two beside it first, by SIGTERM, then the house."""
        for one in self._beside.values():
            assert await one.stop() == 0, one.said()
        await super().stop()

    def last_words(self) -> str:
        """The end of what all of them said."""
        return "\n".join([super().last_words(), *(one.said() for one in self._beside.values())])
