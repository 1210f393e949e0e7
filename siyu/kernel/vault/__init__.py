"""保险箱 – vault: personal data under a key per person, found by blind tokens, forgotten by destroying the key."""

from siyu.kernel.vault import invariants
from siyu.kernel.vault.envelopes import PersonKey, Unopenable, is_sealed, open_text, seal_text
from siyu.kernel.vault.journal import Journal, Shred, forget_again, replay
from siyu.kernel.vault.keyring import KeyMissing, Keyring, keyring, use_keyring
from siyu.kernel.vault.moving import BROUGHT, carried, received
from siyu.kernel.vault.people import (
    Forgotten,
    forget,
    keep_journal,
    key_unless_forgotten,
    keys_for,
    keys_of,
    settle_journal,
)
from siyu.kernel.vault.rotation import Held, KeyNeeded, drop_month, held_keys, rewrap
from siyu.kernel.vault.tokens import brand_key, token, tokens

__all__ = [
    "BROUGHT",
    "Forgotten",
    "Held",
    "Journal",
    "KeyMissing",
    "KeyNeeded",
    "Keyring",
    "PersonKey",
    "Shred",
    "Unopenable",
    "brand_key",
    "carried",
    "drop_month",
    "forget",
    "forget_again",
    "held_keys",
    "invariants",
    "is_sealed",
    "keep_journal",
    "key_unless_forgotten",
    "keyring",
    "keys_for",
    "keys_of",
    "open_text",
    "received",
    "replay",
    "rewrap",
    "seal_text",
    "settle_journal",
    "token",
    "tokens",
    "use_keyring",
]
