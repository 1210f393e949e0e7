"""Content that nobody reads without the house's key: AES-256-GCM in frames, so that any size is a stream.

STREAM (Hoang, Reyhanitabar, Rogaway, Vizár: Online Authenticated-Encryption and its Nonce-Reuse
Misuse-Resistance, CRYPTO 2015): each frame's nonce is its number and whether it is the last one, so frames
cannot be swapped, dropped or cut off. Each content has a key of its own (HKDF-SHA256, RFC 5869) from the
house's secret, a random salt and its name, so it cannot be put in the place of another one either.

``SIYUSEAL1`` · salt (16 bytes) · frames of ``FRAME`` bytes and a tag of 16; the last one is shorter, maybe empty.
"""

import io
import os
from collections.abc import AsyncIterator
from typing import IO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from siyu.kernel.errors import Refusal

FRAME = 1 << 16
_MAGIC, _SALT, _TAG = b"SIYUSEAL1", 16, 16
_HEAD = len(_MAGIC) + _SALT


class Unreadable(Refusal):
    """The content was changed, cut off, put in the wrong place, or sealed with another key."""

    code = "files.unreadable"
    detail = (
        "This file cannot be read: it was damaged, or sealed with another key. Hand it in again."
    )


def seal(secret: bytes, name: str, content: bytes) -> bytes:
    """``content`` as only the holder of ``secret`` reads it, and only under this name."""
    salt = os.urandom(_SALT)
    cipher = _cipher(secret, name, salt)
    out = [_MAGIC, salt]
    whole = len(content) // FRAME
    view = memoryview(content)
    for number in range(whole):
        frame = view[number * FRAME : (number + 1) * FRAME]
        out.append(cipher.encrypt(_nonce(number, last=False), frame, None))
    out.append(cipher.encrypt(_nonce(whole, last=True), view[whole * FRAME :], None))
    return b"".join(out)


def unseal(secret: bytes, name: str, sealed: bytes) -> bytes:
    """What ``seal`` was given. Raises ``Unreadable``."""
    with Unsealed(io.BytesIO(sealed), secret, name) as content:
        return content.readall()


async def seal_stream(
    secret: bytes, name: str, pieces: AsyncIterator[bytes]
) -> AsyncIterator[bytes]:
    """``seal`` of content that comes in pieces; holds a piece and a frame at a time."""
    target = io.BytesIO()
    sealing = Sealing(target, secret, name)
    async for piece in pieces:
        sealing.write(piece)
        yield target.getvalue()
        target.seek(0)
        target.truncate()
    sealing.close()
    yield target.getvalue()


async def unseal_stream(
    secret: bytes, name: str, pieces: AsyncIterator[bytes]
) -> AsyncIterator[bytes]:
    """What ``seal`` was given, frame by frame, from its pieces. Raises ``Unreadable``, at the latest at the end."""
    held, number = bytearray(), 0
    cipher: AESGCM | None = None
    async for piece in pieces:
        held += piece
        if cipher is None and len(held) >= _HEAD:
            cipher = _opened(secret, name, bytes(held[:_HEAD]))
            del held[:_HEAD]
        while cipher is not None and len(held) >= FRAME + _TAG:
            yield _decrypted(cipher, number, bytes(held[: FRAME + _TAG]), last=False)
            del held[: FRAME + _TAG]
            number += 1
    if cipher is None:
        raise Unreadable
    yield _decrypted(cipher, number, bytes(held), last=True)


class Sealing(io.RawIOBase):
    """What is written goes into ``target`` sealed, a frame at a time; ``close`` writes the frame that ends it.

    Leaves the underlying file open. A content that was never closed reads as cut off.
    """

    def __init__(self, target: IO[bytes], secret: bytes, name: str) -> None:
        salt = os.urandom(_SALT)
        self._target, self._cipher = target, _cipher(secret, name, salt)
        self._held, self._number = bytearray(), 0
        target.write(_MAGIC + salt)

    def writable(self) -> bool:
        return True

    def write(self, content: bytes | bytearray | memoryview) -> int:  # pyright: ignore[reportIncompatibleMethodOverride]
        self._held += content
        whole = len(self._held) // FRAME
        for at in range(whole):
            frame = bytes(self._held[at * FRAME : (at + 1) * FRAME])
            nonce = _nonce(self._number + at, last=False)
            self._target.write(self._cipher.encrypt(nonce, frame, None))
        del self._held[: whole * FRAME]
        self._number += whole
        return len(content)

    def close(self) -> None:
        if not self.closed:
            nonce = _nonce(self._number, last=True)
            self._target.write(self._cipher.encrypt(nonce, bytes(self._held), None))
        super().close()


class Unsealed(io.RawIOBase):
    """Sealed content as a file that can be read from any place; never more than a frame of it is held.

    Takes the underlying file over. Raises ``Unreadable`` when opened and while reading.
    """

    def __init__(self, sealed: IO[bytes], secret: bytes, name: str) -> None:
        self._sealed = sealed
        self._cipher = _opened(secret, name, sealed.read(_HEAD))
        body = sealed.seek(0, io.SEEK_END) - _HEAD
        self._whole = body // (FRAME + _TAG)
        if body - self._whole * (FRAME + _TAG) < _TAG:
            raise Unreadable
        self.size = body - (self._whole + 1) * _TAG
        self._at = 0
        self._held: tuple[int, bytes] = (-1, b"")

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self.size}[whence]
        if start + offset < 0:
            raise ValueError("before the beginning")
        self._at = start + offset
        return self._at

    def readinto(self, buffer: bytearray | memoryview) -> int:  # pyright: ignore[reportIncompatibleMethodOverride]
        number, within = divmod(min(self._at, self.size), FRAME)
        piece = self._frame(number)[within:][
            : len(buffer)
        ]  # at the end too: was it really the end?
        buffer[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)

    def _frame(self, number: int) -> bytes:
        if self._held[0] != number:
            self._sealed.seek(_HEAD + number * (FRAME + _TAG))
            sealed = self._sealed.read(FRAME + _TAG)
            self._held = (
                number,
                _decrypted(self._cipher, number, sealed, last=number == self._whole),
            )
        return self._held[1]

    def close(self) -> None:
        if not self.closed:
            self._sealed.close()
        super().close()


def _opened(secret: bytes, name: str, head: bytes) -> AESGCM:
    if len(head) < _HEAD or not head.startswith(_MAGIC):
        raise Unreadable
    return _cipher(secret, name, head[len(_MAGIC) :])


def _cipher(secret: bytes, name: str, salt: bytes) -> AESGCM:
    derived = HKDF(algorithm=SHA256(), length=32, salt=salt, info=b"siyu file\0" + name.encode())
    return AESGCM(derived.derive(secret))


def _nonce(number: int, *, last: bool) -> bytes:
    return number.to_bytes(11) + (b"\x01" if last else b"\x00")


def _decrypted(cipher: AESGCM, number: int, sealed: bytes, *, last: bool) -> bytes:
    try:
        return cipher.decrypt(_nonce(number, last=last), sealed, None)
    except (InvalidTag, ValueError):
        raise Unreadable from None
