"""Reading somebody's catalogue: files in, checked products and refused rows out. No database."""

from siyu.goods.catalogue.importing.formats import FORMATS, Format, detect, parse
from siyu.goods.catalogue.importing.mapping import ATTRIBUTE, TARGETS, Mapping, suggest_mapping
from siyu.goods.catalogue.importing.opening import Handed, open_table
from siyu.goods.catalogue.importing.parsed import (
    FILE_REASONS,
    REASONS,
    ImportRefused,
    ParsedImage,
    ParsedOption,
    ParsedProduct,
    ParsedVariant,
    Rejected,
)
from siyu.goods.catalogue.importing.reading import LIMITS, Limits, Table

__all__ = [
    "ATTRIBUTE",
    "FILE_REASONS",
    "FORMATS",
    "LIMITS",
    "REASONS",
    "TARGETS",
    "Format",
    "Handed",
    "ImportRefused",
    "Limits",
    "Mapping",
    "ParsedImage",
    "ParsedOption",
    "ParsedProduct",
    "ParsedVariant",
    "Rejected",
    "Table",
    "detect",
    "open_table",
    "parse",
    "suggest_mapping",
]
