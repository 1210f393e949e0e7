"""Cells of tables that people open in a spreadsheet."""

import re
from typing import Any

_FORMULA = re.compile(r"[=+@\t\r]|-(?![0-9.]+$)")
"""What a spreadsheet would work out; a negative number is only a number."""


def cell(value: Any) -> str:
    """A value as a cell that no spreadsheet takes for a formula (OWASP, CSV injection)."""
    text = "" if value is None else str(value)
    return "'" + text if _FORMULA.match(text) else text
