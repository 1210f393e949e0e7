"""Drawing beside the program: the renderer holds the whole interpreter, so it gets processes of its own.

``python -m siyu.app.demo.drawing`` draws what it reads, a line of JSON each, until its input ends.
"""

import asyncio
import os
import struct
import sys
from contextlib import suppress
from types import TracebackType
from typing import BinaryIO, Self

import msgspec

from siyu.app.demo import art

_LENGTH = struct.Struct(">I")


class Wanted(msgspec.Struct, frozen=True):
    """A picture as ``art.picture`` draws it."""

    kind: str
    seed: str
    look: dict[str, str | float]


class Easels:
    """A number of processes that draw, no more than there are cores; for ``async with``."""

    def __init__(self, number: int) -> None:
        self._number = min(number, os.cpu_count() or 1)
        self._free: asyncio.Queue[asyncio.subprocess.Process] = asyncio.Queue()
        self._all: list[asyncio.subprocess.Process] = []

    async def __aenter__(self) -> Self:
        for _ in range(self._number):
            easel = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", __name__),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                start_new_session=True,  # Ctrl-C is for the program; this one sees its input end
            )
            self._all.append(easel)
            self._free.put_nowait(easel)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for easel in self._all:
            with suppress(ProcessLookupError):
                easel.kill()
        await asyncio.gather(*(easel.wait() for easel in self._all))

    async def draw(self, wanted: Wanted) -> bytes:
        """The picture as a PNG of 800 pixels. Raises ``EOFError`` when the process that draws has died."""
        easel = await self._free.get()
        assert easel.stdin is not None and easel.stdout is not None
        easel.stdin.write(msgspec.json.encode(wanted) + b"\n")
        (length,) = _LENGTH.unpack(await easel.stdout.readexactly(_LENGTH.size))
        drawn = await easel.stdout.readexactly(length)
        self._free.put_nowait(easel)
        return drawn


def draw_all(asked: BinaryIO, answers: BinaryIO) -> None:
    """Draw what is asked for, one picture after the other, until there is nothing more to read."""
    for line in asked:
        one = msgspec.json.decode(line, type=Wanted)
        drawn = art.picture(one.kind, one.seed, **one.look)
        answers.write(_LENGTH.pack(len(drawn)) + drawn)
        answers.flush()
