"""Opening a table somebody sent: which kind of file it is, its encoding, its header, its rows.

Nothing is unpacked to disk and nothing is held whole: a table can be gone through any number of
times, each time as a stream. What a hostile file could blow up is limited by ``Limits``.
"""

import codecs
import csv
import gzip
import io
import zlib
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import closing
from itertools import islice
from typing import IO, Final

from msgspec import Struct

from siyu.goods.catalogue.importing.parsed import ImportRefused

MIB: Final = 2**20
EXTRA: Final = ""  # the key under which a row keeps what stands beyond the header

NOT_TABLES: Final = (
    b"%PDF",
    b"\x89PNG",
    b"\xff\xd8\xff",
    b"GIF8",
    b"RIFF",
    b"Rar!",
    b"7z\xbc\xaf",
    b"{\\rtf",
)
"""How files begin that no table looks like."""
_CONTROLS: Final = frozenset({*range(1, 9), *range(14, 26), *range(28, 32)})
_LOOKED_AT: Final = 4096

Records = Generator[tuple[int, list[str]], None, None]
Opened = Callable[[], IO[bytes]]


class Limits(Struct, frozen=True):
    """How much of a file is believed; sizes in bytes, ``ratio`` = unpacked to packed."""

    packed: int = 512 * MIB
    unpacked: int = 2048 * MIB
    ratio: int = 200
    ratio_from: int = 16 * MIB
    rows: int = 1_000_000
    columns: int = 512
    cell: int = 1 * MIB
    record: int = 8 * MIB
    workbook: int = 64 * MIB
    shared_strings: int = 128 * MIB


LIMITS: Final = Limits()


class Table:
    """Rows under a header. Iterating gives ``(line, {column: text})`` from the top, every time.

    ``line`` is the physical line (CSV) or row (XLSX) on which the record begins, counted from 1.
    Every column of the header is in every row, "" where the cell is empty; repeated names in the
    header get a number, empty ones ``#3`` (their position). A row with more cells than the header
    keeps the rest under ``EXTRA``. Wholly empty rows are left out.
    ``lines`` is the number of lines of a CSV, an upper bound of its rows, or None if unknown.
    ``siblings`` are further tables that came along, by file name without endings.
    Iterating raises ``ImportRefused`` when the file turns out damaged or beyond its limits.
    """

    def __init__(
        self,
        name: str,
        cells: Callable[[], Records],
        limits: Limits,
        *,
        encoding: str = "",
        lines: int | None = None,
        siblings: Mapping[str, "Table"] | None = None,
    ) -> None:
        self.name, self.encoding, self.lines = name, encoding, lines
        self.siblings: Mapping[str, Table] = siblings or {}
        self._cells, self._limits = cells, limits
        self._header_line, self.header = self._find_header()

    def __iter__(self) -> Generator[tuple[int, dict[str, str]], None, None]:
        header, width, rows = self.header, len(self.header), 0
        with closing(self._cells()) as records:
            for line, cells in records:
                if line <= self._header_line or not any(cells):
                    continue
                rows += 1
                if rows > self._limits.rows:
                    raise ImportRefused("too_many_rows", limit=self._limits.rows)
                row = dict(zip(header, cells, strict=False))
                if len(cells) < width:
                    row.update(dict.fromkeys(header[len(cells) :], ""))
                elif len(cells) > width and any(cell.strip() for cell in cells[width:]):
                    row[EXTRA] = " | ".join(cells[width:])
                yield line, row

    def sample(self, rows: int = 5) -> list[list[str]]:
        """The first rows as lists in the order of the header, for a preview."""
        with closing(iter(self)) as records:
            first = islice(records, rows)
            return [[row[column] for column in self.header] for _, row in first]

    def check_rows(self) -> None:
        """Raises ``ImportRefused`` (no_rows) when nothing stands below the header."""
        with closing(iter(self)) as records:
            if next(records, None) is None:
                raise ImportRefused("no_rows")

    def _find_header(self) -> tuple[int, tuple[str, ...]]:
        """The first of the top ten rows with two names in it; a title above a table has only one."""
        seen_any = False
        with closing(self._cells()) as records:
            for line, cells in islice(records, 10):
                seen_any = seen_any or any(cell.strip() for cell in cells)
                if sum(bool(cell.strip()) for cell in cells) >= 2:
                    if len(cells) > self._limits.columns:
                        raise ImportRefused("too_many_columns", limit=self._limits.columns)
                    return line, _distinct([cell.strip() for cell in cells])
        raise ImportRefused("no_header" if seen_any else "empty")


def open_csv(name: str, opened: Opened, limits: Limits = LIMITS) -> Table:
    """A delimited text as a table. Reads it once through to be sure of its encoding.

    Raises ``ImportRefused``: empty, no_header, not_a_table, unknown_encoding, too_big.
    """
    encoding, lines, head = _examine(opened, limits)
    delimiter = _delimiter_of(head)
    csv.field_size_limit(limits.cell)

    def cells() -> Records:
        with opened() as raw, io.TextIOWrapper(raw, encoding=encoding, newline="") as text:
            lines_read = _Lines(text, limits)
            reader = csv.reader(lines_read, delimiter=delimiter)
            line = 1
            try:
                for record in reader:
                    lines_read.since = 0
                    yield line, record
                    line = reader.line_num + 1
            except csv.Error as error:
                raise ImportRefused("cell_too_long", line=line) from error

    return Table(name, cells, limits, encoding=encoding, lines=lines)


class _Lines:
    """Lines of a text, as long as no record grows without end; ``since`` counts characters since the last one."""

    def __init__(self, text: io.TextIOWrapper, limits: Limits) -> None:
        self._text, self._limit, self.since = text, limits.record, 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._text.readline(self._limit + 1)
        if not line:
            raise StopIteration
        self.since += len(line)
        if self.since > self._limit:
            raise ImportRefused("line_too_long", limit=self._limit)
        return line


def _examine(opened: Opened, limits: Limits) -> tuple[str, int, str]:
    """Encoding, number of lines and the first lines of a text, decoding every byte of it."""
    with opened() as raw:
        start = raw.read(_LOOKED_AT)
    if not start:
        raise ImportRefused("empty")
    if start.startswith(NOT_TABLES):
        raise ImportRefused("not_a_table")
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        candidates = ["utf-16"]
    else:
        candidates = ["utf-8-sig", "gb18030"]
    for encoding in candidates:
        try:
            lines, head = _decode_all(opened, encoding, limits)
        except UnicodeDecodeError:
            continue
        return encoding, lines, head
    raise ImportRefused("not_a_table" if _is_binary(start) else "unknown_encoding")


def _is_binary(start: bytes) -> bool:
    """Whether these are no letters in any encoding: of pictures and packed data a tenth are control characters."""
    return sum(byte in _CONTROLS for byte in start) * 100 >= len(start)


def _decode_all(opened: Opened, encoding: str, limits: Limits) -> tuple[int, str]:
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    lines, head, size = 1, "", 0
    with opened() as raw:
        while chunk := raw.read(MIB):
            size += len(chunk)
            if size > limits.unpacked:
                raise ImportRefused("too_big", limit=limits.unpacked)
            text = decoder.decode(chunk)
            if "\0" in text:
                raise ImportRefused("not_a_table")
            lines += text.count("\n")
            if len(head) < 65_536:
                head += text[:65_536]
        decoder.decode(b"", final=True)
    return lines, head


def _delimiter_of(head: str) -> str:
    """The candidate that stands most often outside quotes in the first line that has any.

    Some exports say it themselves: ``sep=;`` in the first line.
    """
    for line in head.splitlines()[:10]:
        if line[:4].lower() == "sep=" and len(line) == 5:
            return line[4]
        outside = "".join(line.split('"')[::2])
        counts = {candidate: outside.count(candidate) for candidate in ",\t;|"}
        best = max(counts, key=lambda candidate: counts[candidate])
        if counts[best]:
            return best
    return ","


def _distinct(names: list[str]) -> tuple[str, ...]:
    while names and not names[-1]:
        names.pop()
    taken: dict[str, int] = {}
    result: list[str] = []
    for position, name in enumerate(names, start=1):
        title = name or f"#{position}"
        taken[title] = taken.get(title, 0) + 1
        result.append(title if taken[title] == 1 else f"{title} ({taken[title]})")
    return tuple(result)


class Unpacked(io.RawIOBase):
    """A gzip stream that stops when it grows beyond what a table of that size can hold.

    Raises ``ImportRefused`` while reading: too_big, packed_too_tightly, damaged.
    """

    def __init__(self, packed: IO[bytes], packed_size: int, limits: Limits) -> None:
        self._packed, self._limits = packed, limits
        self._stream = gzip.GzipFile(fileobj=packed)
        self._most = max(limits.ratio_from, packed_size * limits.ratio)
        self._size = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # pyright: ignore[reportIncompatibleMethodOverride]
        try:
            chunk = self._stream.read(len(buffer))
        except (OSError, EOFError, zlib.error) as error:
            raise ImportRefused("damaged") from error
        self._size += len(chunk)
        if self._size > self._limits.unpacked:
            raise ImportRefused("too_big", limit=self._limits.unpacked)
        if self._size > self._most:
            raise ImportRefused("packed_too_tightly", ratio=self._limits.ratio)
        buffer[: len(chunk)] = chunk
        return len(chunk)

    def close(self) -> None:
        if not self.closed:
            self._stream.close()
            self._packed.close()
        super().close()


def limited(names: Iterable[tuple[int, int]], limits: Limits) -> None:
    """Refuse an archive by what its directory says: ``(packed, unpacked)`` bytes of each member."""
    total = 0
    for packed, unpacked in names:
        total += unpacked
        if unpacked > limits.ratio_from and unpacked > packed * limits.ratio:
            raise ImportRefused("packed_too_tightly", ratio=limits.ratio)
    if total > limits.unpacked:
        raise ImportRefused("too_big", limit=limits.unpacked)
