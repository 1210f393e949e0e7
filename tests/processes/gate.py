"""A network between siyu and ClickHouse that can be held up: what is sent meanwhile arrives when it opens again."""

import asyncio
import time
from contextlib import suppress
from urllib.parse import urlsplit, urlunsplit


class Gate:
    """A TCP forwarder on a port of its own."""

    def __init__(self, url: str) -> None:
        self._target = urlsplit(url)
        self._open = asyncio.Event()
        self._open.set()
        self._last = time.monotonic()
        self.waiting: set[int] = set()
        """Ports of those whose words are held up right now."""
        self._server: asyncio.Server = None  # type: ignore[assignment]

    async def start(self) -> str:
        """The URL that leads through the gate."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        who, _, _ = self._target.netloc.rpartition("@")
        return urlunsplit(self._target._replace(netloc=f"{who}@127.0.0.1:{port}"))

    async def quiet(self, for_s: float = 1.0) -> None:
        """Wait until nobody has said anything for a while: who was starting has made its tables."""
        while time.monotonic() - self._last < for_s:
            await asyncio.sleep(0.05)

    def close(self) -> None:
        """Hold up what everybody sends from now on."""
        self._open.clear()

    def open(self) -> None:
        """Let all through, also what was held up."""
        self._open.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        port = writer.get_extra_info("peername")[1]
        with suppress(OSError):
            there = await asyncio.open_connection(self._target.hostname, self._target.port)
            forth = asyncio.create_task(self._carry(reader, there[1], port))
            back = asyncio.create_task(self._carry(there[0], writer, 0))
            await asyncio.wait([forth, back])
        writer.close()

    async def _carry(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int
    ) -> None:
        with suppress(OSError):
            while words := await reader.read(65536):
                self._last = time.monotonic()
                if port and not self._open.is_set():
                    self.waiting.add(port)
                    await self._open.wait()
                    self.waiting.discard(port)
                writer.write(words)
                await writer.drain()
        writer.close()

    async def end(self) -> None:
        """Leave the port."""
        self._server.close()
