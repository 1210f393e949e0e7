"""The keys that stay outside PostgreSQL and its backups: one for each month, and one that blind tokens are made with.

A folder of small files, mode 0600: ``2026-11.key`` wraps the keys of people who joined, or were re-wrapped, in that
month; ``tokens.key`` never changes, and a brand that came from another house brought its own, ``tokens-<brand>.key``,
of which the database keeps a mark. Whoever has the database without this folder has no personal data; whoever loses the
folder has lost it too. Several machines share one folder.
"""

import hashlib
import hmac
import os
import re
import secrets
from contextlib import suppress
from pathlib import Path
from uuid import UUID

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from siyu.kernel import clock
from siyu.kernel.errors import Refusal

MONTH = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")
BRAND = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class KeyMissing(Refusal):
    """Personal data cannot be opened or found: a key is not in the folder; ``facts``: month (or the file's name), folder."""

    code = "vault.key_missing"
    status = 503
    detail = "The key that opens this personal data is not in the folder of keys. Put it back from where keys are kept safe."


class Keyring:
    """The folder of keys. Keys are read once; this month's is made when it is first needed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ciphers: dict[str, AESGCM] = {}
        self._tokens: dict[UUID, bytes] = {}
        self._marks: dict[UUID, str] = {}
        self._house: bytes | None = None

    @property
    def journal(self) -> Path:
        """Where it is written down who was forgotten: beside the keys, outside the database and its backups."""
        return self.folder / "shredded.journal"

    @property
    def _tokens_file(self) -> Path:
        return self.folder / "tokens.key"

    def house(self) -> bytes:
        """What blind tokens are derived from; made when the folder is new."""
        if self._house is None:
            self._house = _kept(self._tokens_file)
        return self._house

    def current(self) -> tuple[str, AESGCM]:
        """The present month (``2026-11``, in UTC), and the cipher that wraps new keys.

        Raises ``KeyMissing`` when the folder that this process has known is not there any more: a key made in an
        empty folder, where another should be mounted, would be lost with all that it wraps.
        """
        month = f"{clock.now():%Y-%m}"
        if month not in self._ciphers:
            if self.house() != _read(self._tokens_file):
                raise KeyMissing(month=month, folder=str(self.folder))
            self._ciphers[month] = AESGCM(_kept(self.folder / f"{month}.key"))
        return month, self._ciphers[month]

    def of_month(self, month: str) -> AESGCM:
        """The cipher of a month. Raises ``KeyMissing``."""
        cipher = self._ciphers.get(month)
        if cipher is None:
            assert MONTH.fullmatch(month), month
            key = _read(self.folder / f"{month}.key")
            if key is None:
                raise KeyMissing(month=month, folder=str(self.folder))
            cipher = self._ciphers[month] = AESGCM(key)
        return cipher

    def token_key(self, brand_id: UUID) -> bytes:
        """What a brand's blind tokens are made with: from the house's own, or as it came from another house.

        Raises ``KeyMissing`` when what came with the brand is lost or broken: under the house's own nobody would be
        found, and everybody would be met anew.
        """
        known = self._tokens.get(brand_id)
        if known is None:
            if self.has_lost(brand_id):
                raise KeyMissing(month=self._brought(brand_id).stem, folder=str(self.folder))
            known = self._tokens[brand_id] = _read(self._brought(brand_id)) or self._own(brand_id)
        return known

    def keep_token_key(self, brand_id: UUID, key: bytes) -> str | None:
        """Go on with the token key of a brand that comes from another house; its mark, ``None`` when it is ours anyway."""
        if key != self.token_key(brand_id):
            _write(self._brought(brand_id), key)
            self._tokens[brand_id] = key
        return None if key == self._own(brand_id) else _mark(brand_id, key)

    def expect(self, brand_id: UUID, mark: str) -> None:
        """Learn that a brand brought the key of this mark with it."""
        self._marks[brand_id] = mark
        known = self._tokens.get(brand_id)
        if known is not None and _mark(brand_id, known) != mark:
            del self._tokens[brand_id]

    def brought(self) -> list[UUID]:
        """The brands of whose own token keys there are files."""
        names = (path.stem.removeprefix("tokens-") for path in self.folder.glob("tokens-*.key"))
        return sorted(UUID(name) for name in names if BRAND.fullmatch(name))

    def has_lost(self, brand_id: UUID) -> bool:
        """Whether the token key that a brand brought is not in the folder, broken, or another one."""
        expected, mark = self._marks.get(brand_id), self.brought_mark(brand_id)
        if expected is None:
            return mark is None and self._brought(brand_id).exists()
        return mark != expected

    def brought_mark(self, brand_id: UUID) -> str | None:
        """What the token key that a brand brought is known by; ``None``: no such key is there."""
        key = _read(self._brought(brand_id))
        return _mark(brand_id, key) if key else None

    def _own(self, brand_id: UUID) -> bytes:
        return hmac.digest(self.house(), b"tokens" + brand_id.bytes, hashlib.sha256)

    def _brought(self, brand_id: UUID) -> Path:
        return self.folder / f"tokens-{brand_id}.key"

    def months(self) -> list[str]:
        """The months there are keys of, oldest first."""
        names = (path.stem for path in self.folder.glob("*.key"))
        return sorted(name for name in names if MONTH.fullmatch(name))

    def drop(self, month: str) -> None:
        """Destroy a month's key for good: what was wrapped with it, in old backups too, is lost. Raises ``KeyMissing``."""
        if month not in self.months():
            raise KeyMissing(month=month, folder=str(self.folder))
        self._ciphers.pop(month, None)
        (self.folder / f"{month}.key").unlink(missing_ok=True)


_plugged: list[Keyring] = []


def use_keyring(ring: Keyring) -> None:
    """Give this process its keys (``app`` does this once)."""
    _plugged[:] = [ring]


def keyring() -> Keyring:
    """The process's keys."""
    assert _plugged, "use_keyring() first"
    return _plugged[0]


def _read(path: Path) -> bytes | None:
    try:
        key = bytes.fromhex(path.read_text().strip())
    except (FileNotFoundError, ValueError):  # a broken file is as good as none
        return None
    return key if len(key) == 32 else None


def _mark(brand_id: UUID, key: bytes) -> str:
    """What a token key is known by in the database, from which nothing of the key can be told."""
    return hashlib.sha256(b"siyu tokens " + brand_id.bytes + key).hexdigest()[:32]


def _kept(path: Path) -> bytes:
    """The key in a file, made at the first call; of several processes one makes it."""
    if (key := _read(path)) is not None:
        return key
    _write(path, secrets.token_bytes(32))
    key = _read(path)
    if key is None:
        raise KeyMissing(month=path.stem, folder=str(path.parent))
    return key


def _write(path: Path, key: bytes) -> None:
    """Whole or not at all, on the disk; whoever was first stays."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(key.hex() + "\n")
        file.flush()
        os.fsync(file.fileno())
    with suppress(FileExistsError):
        path.hardlink_to(draft)
    draft.unlink()
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)  # data sealed with a key whose name a power cut took away would be lost
    finally:
        os.close(folder)
