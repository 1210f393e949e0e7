"""From what somebody handed in (a file, a folder, an archive, bytes) to a table.

What it is is read from its first bytes; the file's name only names the tables.
"""

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Protocol, cast

from siyu.goods.catalogue.importing.parsed import ImportRefused
from siyu.goods.catalogue.importing.reading import (
    LIMITS,
    NOT_TABLES,
    Limits,
    Opened,
    Table,
    Unpacked,
    limited,
    open_csv,
)

_ENDINGS = (".gz", ".csv", ".tsv", ".txt", ".xlsx", ".zip")
_ABOUT_TEXT = ("unknown_encoding", "no_header")


class Handed(Protocol):
    """A file that is not simply on the disk."""

    size: int

    def open(self) -> IO[bytes]:
        """Its content from the beginning, readable from any place."""
        ...


def open_table(
    source: Path | bytes | Handed, filename: str = "", *, limits: Limits = LIMITS
) -> Table:
    """Open a CSV or XLSX, gzipped or not, or a set of tables in a folder or a zip archive.

    In a set, and for a file with others beside it, the table that tells the products comes first
    and the others are its ``siblings``: an export in several tables (litemall) is one import.
    Of anything but a path, ``filename`` gives the name. Of an XLSX, the first sheet with a header is read.

    Raises ``ImportRefused``.
    """
    if isinstance(source, Path) and source.is_dir():
        return _main_of(_open_folder(source, limits))
    if isinstance(source, Path):
        filename = filename or source.name
        size = source.stat().st_size
    else:
        size = len(source) if isinstance(source, bytes) else source.size
    if size == 0:
        raise ImportRefused("empty")
    if size > limits.packed:
        raise ImportRefused("too_big", limit=limits.packed)

    def opened() -> IO[bytes]:
        if isinstance(source, bytes):
            return io.BytesIO(source)
        return source.open("rb") if isinstance(source, Path) else source.open()

    table = _open_by_content(filename, opened, size, limits)
    prefix = table.name.rpartition("_")[0]
    if isinstance(source, Path) and prefix and _tells_goods(table):
        beside = sorted(source.parent.glob(f"{prefix}_*"))
        others = _open_files([path for path in beside if path != source], limits)
        return _with_siblings(table, others)
    return table


def _open_by_content(filename: str, opened: Opened, size: int, limits: Limits) -> Table:
    name = _bare(filename)
    with opened() as raw:
        magic = raw.read(8)
    if magic.startswith(b"\x1f\x8b"):

        def unpacked() -> IO[bytes]:
            stream = Unpacked(opened(), size, limits)
            return cast("IO[bytes]", io.BufferedReader(stream, 1 << 20))

        with unpacked() as raw:
            inner = raw.read(4)
        if inner.startswith(b"PK"):  # an XLSX needs to be read backwards: unpack it into memory
            with unpacked() as raw:
                whole = raw.read()
            return _open_zip(name, lambda: io.BytesIO(whole), limits)
        if inner.startswith(b"\x1f\x8b"):
            raise ImportRefused("nested")
        return open_csv(name, unpacked, limits)
    if magic.startswith(b"PK"):
        return _open_zip(name, opened, limits)
    if magic.startswith(b"\xd0\xcf\x11\xe0"):
        raise ImportRefused("old_excel")
    if magic.startswith(NOT_TABLES):
        raise ImportRefused("not_a_table")
    try:
        return open_csv(name, opened, limits)
    except ImportRefused as refused:
        if refused.facts["reason"] in _ABOUT_TEXT and not _is_named_text(filename):
            raise ImportRefused("not_a_table") from refused
        raise


def _is_named_text(filename: str) -> bool:
    """Whether the name lets one expect a text: only then is it of use to speak about its letters."""
    last = filename.replace("\\", "/").rpartition("/")[2].lower()
    return "." not in last or last.endswith((".csv", ".tsv", ".txt"))


def _open_zip(name: str, opened: Opened, limits: Limits) -> Table:
    """An XLSX, or an archive of tables."""
    try:
        with opened() as raw, zipfile.ZipFile(raw) as archive:
            members = [info for info in archive.infolist() if not info.is_dir()]
            limited(((info.compress_size, info.file_size) for info in members), limits)
            is_workbook = any(info.filename == "[Content_Types].xml" for info in members)
            if not is_workbook:
                return _main_of(list(_open_members(archive, members, limits)))
            _check_workbook(archive, members, limits)
    except ImportRefused:
        raise
    except Exception as error:  # zipfile answers a damaged file with any of a dozen exceptions
        raise ImportRefused("damaged") from error
    # openpyxl with NumPy took a tenth of every process's start, for a file that hardly anybody sends.
    from siyu.goods.catalogue.importing.sheets import open_workbook  # noqa: PLC0415

    return open_workbook(name, opened, limits)


def _check_workbook(
    archive: zipfile.ZipFile, members: list[zipfile.ZipInfo], limits: Limits
) -> None:
    """Refuse what would fill the memory (its texts are held whole) or brings its own entities."""
    texts = [info.file_size for info in members if info.filename.endswith("/sharedStrings.xml")]
    if sum(texts) > limits.shared_strings:
        raise ImportRefused("too_big", limit=limits.shared_strings)
    for info in members:
        if info.filename.endswith((".xml", ".rels")):
            with archive.open(info) as part:
                if b"<!DOCTYPE" in part.read(4096):
                    raise ImportRefused("damaged")


def _open_members(
    archive: zipfile.ZipFile, members: list[zipfile.ZipInfo], limits: Limits
) -> Iterator[Table]:
    """Each table of an archive, unpacked into memory: such sets are small, and read many times."""
    left = limits.unpacked // 8
    for info in members:
        if info.filename.lower().endswith(".zip"):
            raise ImportRefused("nested")
        if info.filename.startswith("__MACOSX/") or not info.filename.lower().endswith(
            _ENDINGS[:4]
        ):
            continue
        left -= info.file_size
        if left < 0:
            raise ImportRefused("too_big", limit=limits.unpacked // 8)
        content = archive.read(info)
        if content.startswith(b"PK") and not info.filename.lower().endswith(".xlsx"):
            raise ImportRefused("nested")
        yield _open_by_content(
            info.filename, lambda content=content: io.BytesIO(content), len(content), limits
        )


def _open_folder(folder: Path, limits: Limits) -> list[Table]:
    return _open_files(sorted(folder.iterdir()), limits)


def _open_files(paths: list[Path], limits: Limits) -> list[Table]:
    tables: list[Table] = []
    for path in paths:
        if path.is_file() and path.name.lower().endswith(_ENDINGS[:4]):
            size = path.stat().st_size
            if size > limits.packed:
                raise ImportRefused("too_big", limit=limits.packed)
            tables.append(
                _open_by_content(path.name, lambda path=path: path.open("rb"), size, limits)
            )
    return tables


def _main_of(tables: list[Table]) -> Table:
    if not tables:
        raise ImportRefused("empty")
    main = next((table for table in tables if _tells_goods(table)), tables[0])
    return _with_siblings(main, [table for table in tables if table is not main])


def _with_siblings(table: Table, others: list[Table]) -> Table:
    table.siblings = {other.name: other for other in others}
    return table


def _tells_goods(table: Table) -> bool:
    return {"goods_sn", "retail_price", "gallery"} <= set(table.header)


def _bare(filename: str) -> str:
    """The name without folders and endings: ``out/goods.csv.gz`` is ``goods``."""
    name = filename.replace("\\", "/").rpartition("/")[2]
    while name.lower().endswith(_ENDINGS):
        name = name.rpartition(".")[0]
    return name or "table"
