"""Identifiers: UUID version 7, made by us, so that they sort by the moment they were made."""

import os
import time
from uuid import UUID

_last_ms = 0
_counter = 0


def new_id() -> UUID:
    """A fresh UUIDv7; within one process each is greater than the one before.

    Layout of RFC 9562 §5.7: 48 bits of Unix milliseconds, 12 bits used as a counter within the
    millisecond (method 1 of §6.2), 62 random bits.
    """
    global _last_ms, _counter
    now_ms = time.time_ns() // 1_000_000
    if now_ms > _last_ms:
        _last_ms, _counter = (
            now_ms,
            int.from_bytes(os.urandom(1)),
        )  # room of 3,840 ids a millisecond
    else:
        _counter += 1
        if _counter > 0xFFF:
            _last_ms, _counter = _last_ms + 1, 0
    tail = int.from_bytes(os.urandom(8)) >> 2
    value = (_last_ms << 80) | (0x7 << 76) | (_counter << 64) | (0b10 << 62) | tail
    return UUID(int=value)


def new_ids(count: int) -> list[UUID]:
    """So many fresh UUIDv7 as ``new_id`` makes them, from one draw of chance: for work with many rows."""
    global _last_ms, _counter
    drawn = os.urandom(8 * count)
    now_ms = time.time_ns() // 1_000_000
    if now_ms > _last_ms:
        _last_ms, _counter = now_ms, -1
    made: list[UUID] = []
    for at in range(0, 8 * count, 8):
        _counter += 1
        if _counter > 0xFFF:
            _last_ms, _counter = _last_ms + 1, 0
        tail = int.from_bytes(drawn[at : at + 8]) >> 2
        made.append(
            UUID(int=(_last_ms << 80) | (0x7 << 76) | (_counter << 64) | (0b10 << 62) | tail)
        )
    return made
