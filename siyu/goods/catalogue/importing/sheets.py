"""Reading an XLSX workbook as a stream: flat memory, and nothing of a hostile file is believed.

ECMA-376 part 1, §18.2 (workbook), §18.3 (worksheet), §18.4 (shared strings), §18.8 (styles). Of a cell, what a
person reads in it: the stored value of a formula, dates as ISO 8601, numbers with the 15 digits that Excel keeps.
"""

import posixpath
import re
import zipfile
from array import array
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from datetime import date, datetime, time
from decimal import Decimal
from typing import IO, Final, cast
from xml.parsers import expat

from openpyxl.styles.numbers import BUILTIN_FORMATS, is_date_format
from openpyxl.utils import datetime as excel

from siyu.goods.catalogue.importing.parsed import ImportRefused
from siyu.goods.catalogue.importing.reading import Limits, Opened, Records, Table

_BLOCK: Final = 1 << 16
_WHOLE = re.compile(r"-?\d{1,15}", re.ASCII)
_SHORT_DECIMAL = re.compile(r"-?\d{1,9}\.\d{0,4}[1-9]", re.ASCII)


def open_workbook(name: str, opened: Opened, limits: Limits) -> Table:
    """The first sheet with a header as a table. ``opened`` gives the file anew, each time from its beginning.

    Raises ``ImportRefused``: damaged, too_big, no_header, empty, too_many_columns.
    """
    with opened() as raw:
        raw.seek(0, 2)
        if raw.tell() > limits.workbook:
            raise ImportRefused("too_big", limit=limits.workbook)
    with opened() as raw, _archive(raw) as archive:
        book = _Book(archive, limits)
    refused = ImportRefused("no_header")
    for part in book.sheets:
        try:
            return Table(name, lambda part=part: _rows(opened, part, book, limits), limits)
        except ImportRefused as error:
            refused = error
    raise refused


def _archive(raw: IO[bytes]) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(raw)
    except Exception as error:  # zipfile answers a damaged file with any of a dozen exceptions
        raise ImportRefused("damaged") from error


def _blocks(archive: zipfile.ZipFile, part: str) -> Iterator[bytes]:
    """A part of the archive, unpacked piece by piece; its directory's word on its size holds."""
    try:
        with archive.open(part) as stream:
            while block := stream.read(_BLOCK):
                yield block
    except Exception as error:  # as above
        raise ImportRefused("damaged") from error


class _Xml:
    """A push parser that knows no entities of the file's own and no names of namespaces."""

    def __init__(
        self,
        start: Callable[[str, dict[str, str]], None],
        end: Callable[[str], None] | None = None,
        text: Callable[[str], None] | None = None,
    ) -> None:
        self._parser = expat.ParserCreate()
        self._parser.buffer_text = True
        self._parser.StartDoctypeDeclHandler = self._no_doctype
        self._parser.StartElementHandler = start
        if end is not None:
            self._parser.EndElementHandler = end
        if text is not None:
            self._parser.CharacterDataHandler = text

    def feed(self, block: bytes, *, last: bool = False) -> None:
        """Raises ``ImportRefused`` (damaged)."""
        try:
            self._parser.Parse(block, last)
        except (expat.ExpatError, ValueError, ArithmeticError, IndexError) as error:
            raise ImportRefused("damaged") from error

    def _no_doctype(self, *_: object) -> None:
        raise ImportRefused("damaged")


def _local(name: str) -> str:
    return name.rpartition(":")[2]


def _elements(archive: zipfile.ZipFile, part: str) -> list[tuple[str, dict[str, str]]]:
    """Every element of a small part with its attributes, in order; of a missing part, nothing."""
    found: list[tuple[str, dict[str, str]]] = []
    if part not in archive.namelist():
        return found

    def start(name: str, attributes: dict[str, str]) -> None:
        found.append((_local(name), {_local(key): value for key, value in attributes.items()}))
        if len(found) > 200_000:
            raise ImportRefused("damaged")

    xml = _Xml(start)
    for block in _blocks(archive, part):
        xml.feed(block)
    xml.feed(b"", last=True)
    return found


class _Texts:
    """The texts that cells share, packed: what they take is their bytes."""

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._ends = array("Q", [0])

    def add(self, text: str) -> None:
        self._bytes += text.encode("utf-8", "surrogatepass")
        self._ends.append(len(self._bytes))

    def __getitem__(self, at: int) -> str:
        if at < 0:
            raise IndexError(at)
        packed = self._bytes[self._ends[at] : self._ends[at + 1]]
        return packed.decode("utf-8", "surrogatepass")


class _Book:
    """What a workbook says of itself: its sheets in order, the shared texts, which styles are dates."""

    def __init__(self, archive: zipfile.ZipFile, limits: Limits) -> None:
        targets: dict[str, str] = {}
        main = "xl/workbook.xml"
        for _, one in _elements(archive, "_rels/.rels"):
            if one.get("Type", "").endswith("/officeDocument"):
                main = one.get("Target", main).lstrip("/")
        folder, _, file = main.rpartition("/")
        kinds: dict[str, str] = {}
        for _, one in _elements(archive, f"{folder}/_rels/{file}.rels"):
            target = one.get("Target", "")
            where = target.lstrip("/") if target.startswith("/") else f"{folder}/{target}"
            kind = one.get("Type", "").rpartition("/")[2]
            if kind == "worksheet":
                targets[one.get("Id", "")] = posixpath.normpath(where)
            else:
                kinds[kind] = posixpath.normpath(where)
        self.sheets: list[str] = []
        self.epoch: datetime = excel.CALENDAR_WINDOWS_1900
        for name, one in _elements(archive, main):
            if name == "sheet" and one.get("id", "") in targets:
                self.sheets.append(targets[one["id"]])
            elif name == "workbookPr" and one.get("date1904", "0") in ("1", "true"):
                self.epoch = excel.CALENDAR_MAC_1904
        self.dates = _date_styles(_elements(archive, kinds.get("styles", "")))
        self.texts = _Texts()
        strings = kinds.get("sharedStrings", "")
        if strings in archive.namelist():
            self._read_texts(archive, strings, limits)

    def _read_texts(self, archive: zipfile.ZipFile, part: str, limits: Limits) -> None:
        inside = _Inside(self.texts.add, limits)
        xml, size = _Xml(inside.start, inside.end, inside.text), 0
        for block in _blocks(archive, part):
            size += len(block)
            if size > limits.shared_strings:
                raise ImportRefused("too_big", limit=limits.shared_strings)
            xml.feed(block)
        xml.feed(b"", last=True)


class _Inside:
    """Collects the text of each ``<si>``: its runs joined, without how it is pronounced (``rPh``)."""

    def __init__(self, done: Callable[[str], None], limits: Limits) -> None:
        self._done, self._limits = done, limits
        self._parts: list[str] = []
        self._length = 0
        self._heard = self._spoken = False

    def start(self, name: str, _: dict[str, str]) -> None:
        match _local(name):
            case "t":
                self._heard = not self._spoken
            case "rPh":
                self._spoken = True
            case "si":
                self._parts, self._length = [], 0
            case _:
                pass

    def end(self, name: str) -> None:
        match _local(name):
            case "t":
                self._heard = False
            case "rPh":
                self._spoken = False
            case "si":
                self._done("".join(self._parts))
            case _:
                pass

    def text(self, text: str) -> None:
        if self._heard:
            self._length += len(text)
            if self._length > self._limits.cell:
                raise ImportRefused("cell_too_long")
            self._parts.append(text)


def _date_styles(elements: list[tuple[str, dict[str, str]]]) -> frozenset[str]:
    """The numbers (as text) of cell styles that show a number as a date or time."""
    formats: dict[int, str] = dict(BUILTIN_FORMATS)
    found: set[str] = set()
    at, inside = 0, False
    for name, one in elements:
        if name == "numFmt" and one.get("numFmtId", "").isdigit():
            formats[int(one["numFmtId"])] = one.get("formatCode", "")
        elif name in ("cellXfs", "cellStyles"):
            inside = name == "cellXfs"
        elif name == "xf" and inside:
            number = one.get("numFmtId", "0")
            if number.isdigit() and is_date_format(formats.get(int(number))):
                found.add(str(at))
            at += 1
    return frozenset(found)


def _rows(opened: Opened, part: str, book: _Book, limits: Limits) -> Records:
    with (
        opened() as raw,
        _archive(raw) as archive,
        closing(_sheet(archive, part, book, limits)) as rows,
    ):
        yield from rows


def _sheet(
    archive: zipfile.ZipFile, part: str, book: _Book, limits: Limits
) -> Generator[tuple[int, list[str]], None, None]:
    reader = _Rows(book, limits)
    xml = _Xml(reader.start, reader.end, reader.text)
    for block in _blocks(archive, part):
        xml.feed(block)
        yield from reader.taken()
    xml.feed(b"", last=True)
    yield from reader.taken()


class _Rows:
    """Cells into rows. ``row`` and ``c`` may leave out where they are; then they follow the one before."""

    def __init__(self, book: _Book, limits: Limits) -> None:
        self._book, self._limits = book, limits
        self._done: list[tuple[int, list[str]]] = []
        self._prefix: str | None = None
        self._row: list[str] = []
        self._line = 0
        self._column = -1
        self._kind = self._style = ""
        self._parts: list[str] = []
        self._length = 0
        self._heard = self._spoken = False
        self._columns: dict[str, int] = {}

    def taken(self) -> list[tuple[int, list[str]]]:
        """The rows that are complete, once."""
        done, self._done = self._done, []
        return done

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if self._prefix is None:  # some writers name every element <x:…>
            self._prefix = name[: -len(_local(name))]
        if self._prefix:
            name = name.removeprefix(self._prefix)
        if name == "c":
            place = attributes.get("r")
            self._column = self._column + 1 if place is None else self._column_of(place)
            self._kind, self._style = attributes.get("t", "n"), attributes.get("s", "")
            self._parts = []
            self._length = 0
        elif name in ("v", "t"):
            self._heard = not self._spoken
        elif name == "row":
            number = attributes.get("r")
            self._line = self._line + 1 if number is None else int(number)
            self._row, self._column = [], -1
        elif name == "rPh":
            self._spoken = True

    def text(self, text: str) -> None:
        if self._heard:
            self._length += len(text)
            if self._length > self._limits.cell:
                raise ImportRefused("cell_too_long", line=self._line)
            self._parts.append(text)

    def end(self, name: str) -> None:
        if self._prefix:
            name = name.removeprefix(self._prefix)
        if name in ("v", "t"):
            self._heard = False
        elif name == "c":
            if self._parts:
                self._put("".join(self._parts))
        elif name == "row":
            self._done.append((self._line, self._row))
            self._row = []
        elif name == "rPh":
            self._spoken = False

    def _put(self, stored: str) -> None:
        match self._kind:
            case "n":
                is_date = self._style in self._book.dates
                text = number_text(stored, self._book.epoch if is_date else None)
            case "s":
                text = self._book.texts[int(stored)]
            case "b":
                text = "true" if stored.strip() == "1" else "false"
            case _:
                text = stored
        row, column = self._row, self._column
        if not text:
            return
        if column >= self._limits.columns:
            raise ImportRefused("too_many_columns", limit=self._limits.columns, line=self._line)
        if len(row) <= column:
            row.extend([""] * (column + 1 - len(row)))
        row[column] = text

    def _column_of(self, place: str) -> int:
        letters = place.rstrip("0123456789")
        known = self._columns.get(letters)
        if known is None:
            known = 0
            for letter in letters:
                known = known * 26 + ord(letter) - 64
            if not 1 <= known <= 16_384:
                raise ValueError(place)
            self._columns[letters] = known = known - 1
        return known


def number_text(stored: str, epoch: datetime | None = None) -> str:
    """A stored number as a person reads it: never 1e+07, never 0.30000000000000004; with an epoch, as a date.

    Raises ``ValueError`` or ``OverflowError`` when it is none.
    """
    if epoch is not None:
        moment = cast("object", excel.from_excel(float(stored), epoch))  # pyright: ignore[reportUnknownMemberType]
        return moment.isoformat() if isinstance(moment, (datetime, date, time)) else str(moment)
    if _WHOLE.fullmatch(stored) or _SHORT_DECIMAL.fullmatch(stored):
        return stored
    value = float(stored)
    if value != value or abs(value) > 1e15:  # noqa: PLR0124 - not a number equals nothing
        return str(value)
    return f"{Decimal(f'{value:.15g}'):f}"
