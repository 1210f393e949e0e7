"""Taking whole catalogues in: generated files of 100,000 rows through the program's own import, counted to the fen."""

import asyncio
import csv
import os
import random
import secrets
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from openpyxl import Workbook

from bench.report import Figure, Report, load_average
from bench.stack import Stack, house_or
from siyu.goods.catalogue import ImportResult, run_import
from siyu.people import brands

HEADER = (
    *("handle", "title", "title_en", "subtitle", "description", "category", "options", "sku"),
    *("price", "list_price", "stock", "weight_g", "images", "status", "tags", "attribute:材质"),
)
STONES = ("和田玉", "翡翠", "南红", "青海玉", "岫玉", "独山玉", "绿松石", "碧玉", "墨玉", "糖玉")
SHAPES = ("平安镯", "如意牌", "观音坠", "貔貅", "手串", "戒指", "耳钉", "茶杯", "平安扣", "无事牌")
LOOKS = ("温润", "细腻", "油糯", "清透", "飘花", "满绿", "冰种", "老坑", "新工", "手作")
ENGLISH = (
    "Jade",
    "River",
    "Moon",
    "Lotus",
    "Cloud",
    "Bamboo",
    "Plum",
    "Crane",
    "Autumn",
    "Classic",
)
LIMIT_S, LONGEST_S, MEMORY_MB = 60.0, 2.0, 150.0


class Shape(msgspec.Struct, frozen=True):
    """A file: how many products of how many variants, and in which kind of file."""

    products: int
    variants: int
    kind: str

    @property
    def name(self) -> str:
        return f"{self.products:,} × {self.variants}, {self.kind}"


def rows(shape: Shape, chance: random.Random) -> Iterator[list[str | int]]:
    """The cells of each row, made from nothing but ``chance``; the price is in fen."""
    for n in range(shape.products):
        stone, form, look = STONES[n % 10], SHAPES[n // 10 % 10], LOOKS[n // 7 % 10]
        for variant in range(shape.variants):
            price = chance.randrange(900, 900_000)
            first = variant == 0
            told = (
                f"{stone}{look}{form} {n}", f"{ENGLISH[n % 10]} piece {n}", f"{look}而不张扬",
                f"<p>产自<b>{stone}</b>，编号 {n}。</p><ul><li>礼盒</li><li>证书</li></ul>", f"首饰/{form}",
            ) if first else ("",) * 5  # fmt: skip
            yield [
                f"p-{n}", *told, f"圈口={52 + 2 * variant}" if shape.variants > 1 else "", f"S-{n}-{variant}", price,
                price + price // 5 if n % 3 == 0 else "", chance.randrange(50), chance.randrange(5, 200),
                f"https://pictures.example/{n}.jpg" if first else "", "on_sale" if first else "",
                f"玉,{form}" if first else "", stone if first else "",
            ]  # fmt: skip


def write(path: Path, shape: Shape) -> tuple[int, int]:
    """Write the file; the sums of its prices (fen) and pieces."""
    chance = random.Random(7)
    prices = pieces = 0

    def decimal(fen: str | int) -> str:
        return f"{int(fen) // 100}.{int(fen) % 100:02}" if fen != "" else ""

    def counted() -> Iterator[list[str | int]]:
        nonlocal prices, pieces
        for row in rows(shape, chance):
            prices, pieces = prices + int(row[8]), pieces + int(row[10])
            row[8], row[9] = decimal(row[8]), decimal(row[9])
            yield row

    if shape.kind == "csv":
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(HEADER)
            writer.writerows(counted())
    else:
        book = Workbook(write_only=True)
        sheet = book.create_sheet()
        sheet.append(HEADER)
        for row in counted():
            row[8] = float(row[8])  # pyright: ignore[reportArgumentType, reportCallIssue]
            sheet.append(row)
        book.save(path)
    return prices, pieces


def resident_mb() -> float:
    """What this process holds in memory now."""
    statm = Path("/proc/self/statm")
    if not statm.exists():
        return 0.0
    return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


class _Watch:
    """Hears the import's progress: the longest chunk, and the most memory."""

    def __init__(self) -> None:
        self.longest_s, self.peak_mb = 0.0, 0.0
        self._last = time.perf_counter()

    async def __call__(self, *_: Any) -> None:
        now = time.perf_counter()
        self.longest_s, self._last = max(self.longest_s, now - self._last), now
        self.peak_mb = max(self.peak_mb, resident_mb())


async def run(*, rows_in_all: int = 100_000, given: Stack | None = None) -> Report:
    """Seconds for a file of so many rows, as single-variant products and four to a product, CSV and XLSX."""
    report = Report("import", {"rows a file": rows_in_all})
    shapes = [Shape(rows_in_all // n, n, kind) for kind in ("csv", "xlsx") for n in (1, 4)]
    async with house_or(given) as stack:
        with tempfile.TemporaryDirectory(prefix="siyu-bench-") as folder:
            await _measure(stack, Report("warm", {}), Path(folder), Shape(500, 2, "csv"))
            for shape in shapes:
                await _measure(stack, report, Path(folder), shape)
    return report


async def _measure(stack: Stack, report: Report, folder: Path, shape: Shape) -> None:
    path = folder / f"{shape.products}-{shape.variants}.{shape.kind}"
    sums = await asyncio.to_thread(write, path, shape)
    slug = f"bench-{secrets.token_hex(4)}"
    made = await brands.create_brand(
        stack.database, slug=slug, name={"zh-CN": "测试", "en": "Bench"}, owner_login=f"owner@{slug}",
        owner_password=secrets.token_urlsafe(12),
    )  # fmt: skip
    for again in (False, True):
        name = f"{shape.name}, again" if again else shape.name
        load, watch, before = load_average(), _Watch(), resident_mb()
        house, own, began = stack.cpu(), time.process_time(), time.perf_counter()
        result = await run_import(stack.database, made.brand_id, path, progress=watch)
        seconds, spent = time.perf_counter() - began, time.process_time() - own
        used = {part: round(now - house.get(part, 0.0), 1) for part, now in stack.cpu().items()}
        report.figures.append(
            Figure(
                name, "s", [seconds], [load], LIMIT_S, less_is_better=True,
                notes={
                    "rows/s": round(shape.products * shape.variants / seconds),
                    "CPU s": {"importing": round(spent, 1)} | used,
                    "longest chunk, s": round(watch.longest_s, 2),
                    "memory grew, MB": round(watch.peak_mb - before, 1),
                },
            )
        )  # fmt: skip
        await _prove(stack, report, made.brand_id, name, shape, result, sums, again=again)
        report.check(
            f"{name}: memory stays flat", watch.peak_mb - before < MEMORY_MB,
            grew_mb=round(watch.peak_mb - before, 1),
        )  # fmt: skip
    await stack.settled(300)


async def _prove(
    stack: Stack, report: Report, brand_id: Any, name: str, shape: Shape, result: ImportResult,
    sums: tuple[int, int], *, again: bool,
) -> None:  # fmt: skip
    async with stack.database.raw(brand_id) as connection:
        found = tuple(
            await connection.fetchrow(
                """select (select count(*) from products), (select count(*) from skus where active),
                          (select sum(price_minor)::bigint from skus where active),
                          (select sum(on_hand)::bigint from stock_levels),
                          (select max(version) from products)"""
            )
        )
    wanted = (shape.products, shape.products * shape.variants, *sums, 1)
    report.check(
        f"{name}: every product, variant, fen and piece is in, once",
        found == wanted and result.products == shape.products and not result.rejected_rows,
        found=found, wanted=wanted,
    )  # fmt: skip
    if again:
        report.check(
            f"{name}: changes nothing", result.unchanged == shape.products and not result.updated
        )
