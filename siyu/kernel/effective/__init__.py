"""排期 – effective: a value holds from its moment on, in every process, by the clock. Settings, switches, publications."""

from siyu.kernel.effective import invariants
from siyu.kernel.effective.changing import begin, set_value, withdraw
from siyu.kernel.effective.events import EffectiveChanged
from siyu.kernel.effective.memory import Memory, memory_of, open_memory
from siyu.kernel.effective.reading import (
    Dated,
    entries_on,
    entries_with_on,
    history_on,
    plans_on,
    value,
    value_on,
    versions_on,
)
from siyu.kernel.effective.rules import (
    Entry,
    Kind,
    ReasonNeeded,
    Setting,
    UnknownSetting,
    cleaned_reason,
    declare,
    settings,
    understood,
)

__all__ = [
    "Dated",
    "EffectiveChanged",
    "Entry",
    "Kind",
    "Memory",
    "ReasonNeeded",
    "Setting",
    "UnknownSetting",
    "begin",
    "cleaned_reason",
    "declare",
    "entries_on",
    "entries_with_on",
    "history_on",
    "invariants",
    "memory_of",
    "open_memory",
    "plans_on",
    "set_value",
    "settings",
    "understood",
    "value",
    "value_on",
    "versions_on",
    "withdraw",
]
