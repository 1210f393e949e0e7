"""Chinese divisions for addresses: province, city, district, each with a six-digit code.

The seed beside this file, ``regions.txt.gz``, is UTF-8 text with one division in a line, sorted by
code: two, four or six digits (province, city, district; the digits of the one above lead), a space,
the official name. To callers every code has six digits, filled up with zeros.

Source of names and codes: National Bureau of Statistics of China, 《统计用区划代码和城乡划分代码》,
edition of 2023 (state of 30 June 2023): 31 provinces, 342 cities, 2,978 districts and counties.
Three of the latter (东莞市 441900, 中山市 442000, 儋州市 460400) are cities without districts and
share the city's code; they stand here once, as cities with nothing below. Taiwan, Hong Kong and Macao (71, 81, 82 of GB/T 2260) stand there as provinces without a lower level.
"""

import gzip
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

SEED: Final = Path(__file__).with_name("regions.txt.gz")
GROUPING_NAMES: Final = frozenset(
    {"市辖区", "县", "省直辖县级行政区划", "自治区直辖县级行政区划"},
)


class Region(NamedTuple):
    code: str
    name: str


class _Divisions(NamedTuple):
    names: dict[str, str]
    below: dict[str, tuple[Region, ...]]


def provinces() -> tuple[Region, ...]:
    """The 34 entries of the top level, by code."""
    return _divisions().below[""]


def children(code: str) -> tuple[Region, ...]:
    """What lies directly below, by code; empty below a district, and for a code nobody knows."""
    return _divisions().below.get(code, ())


def path_of(code: str) -> tuple[str, ...]:
    """The official names from the province down to this division; empty for an unknown code."""
    names = _divisions().names
    if code not in names:
        return ()
    above = (code[:2] + "0000", code[:4] + "00", code)
    return tuple(names[step] for step in dict.fromkeys(above))


def address_names(code: str) -> tuple[str, ...]:
    """``path_of`` as it is written on a parcel: without names that only group, such as 市辖区."""
    return tuple(name for name in path_of(code) if name not in GROUPING_NAMES)


def is_district(code: str) -> bool:
    """An address may end here: the division exists and the list has nothing below it.

    True for districts and counties, for cities without districts, and for Taiwan, Hong Kong and
    Macao, whose lower levels the list does not carry. So a picker asks on until this is true.
    """
    divisions = _divisions()
    return code in divisions.names and code not in divisions.below


@cache
def _divisions() -> _Divisions:
    names: dict[str, str] = {}
    below: dict[str, list[Region]] = {"": []}
    for line in gzip.decompress(SEED.read_bytes()).decode().splitlines():
        digits, _, name = line.partition(" ")
        code = digits.ljust(6, "0")
        names[code] = name
        above = digits[:-2].ljust(6, "0") if len(digits) > 2 else ""
        below.setdefault(above, []).append(Region(code, name))
    return _Divisions(names, {above: tuple(regions) for above, regions in below.items()})
