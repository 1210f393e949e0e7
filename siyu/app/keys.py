"""Where a house's keys of personal data lie."""

from pathlib import Path

from siyu.kernel.settings import Settings
from siyu.kernel.vault import Keyring, use_keyring


def open_keys(settings: Settings) -> Keyring:
    """Give this process the keys of its house: ``SIYU_KEYS``, else ``keys`` in its home."""
    ring = Keyring(Path(settings.keys) if settings.keys else Path(settings.home) / "keys")
    use_keyring(ring)
    return ring
