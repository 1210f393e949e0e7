"""What watching costs: CPU per statement with and without the slow-statement watch, and per call of tracing that is off.

Run beside a house: ``python -m bench.watching HOME``. CPU of this process, so other load on the machine matters little.
"""

import asyncio
import json
import sys
import time
from pathlib import Path
from statistics import median

from siyu.app.up import NOTE
from siyu.kernel import tracing
from siyu.kernel.db import Database
from siyu.kernel.settings import Settings, urls_of
from siyu.kernel.slow import SlowStatements

STATEMENTS, ROUNDS, CALLS = 3_000, 5, 1_000_000


async def _statements(database: Database) -> float:
    """CPU microseconds per statement on a bare connection."""
    async with database.dispatcher() as connection:
        await connection.fetchval("select $1::int", 1)
        began = time.process_time()
        for at in range(STATEMENTS):
            await connection.fetchval("select $1::int", at)
        return (time.process_time() - began) / STATEMENTS * 1e6


def _off(call: str) -> float:
    """Nanoseconds of one call of tracing while nobody is told."""
    requests = [object()]
    began = time.process_time()
    if call == "span":
        for _ in range(CALLS):
            with tracing.span("x"):
                pass
    elif call == "batch":
        for _ in range(CALLS):
            with tracing.batch("x", requests, [()]):
                pass
    else:
        for _ in range(CALLS):
            tracing.is_on()
    return (time.process_time() - began) / CALLS * 1e9


async def main(home: Path) -> None:
    """Print the figures as JSON."""
    note = json.loads((home / NOTE).read_text())
    urls = urls_of(Settings(home=home), **note)
    plain, watched = Database(urls.app, urls.dispatcher), Database(urls.app, urls.dispatcher)
    SlowStatements(watched, 250)
    await plain.open()
    await watched.open()
    rounds = [(await _statements(plain), await _statements(watched)) for _ in range(ROUNDS)]
    await plain.close()
    await watched.close()
    figures = {
        "statement_us": round(median(one for one, _ in rounds), 1),
        "watched_us": round(median(one for _, one in rounds), 1),
        **{f"{call}_off_ns": round(_off(call)) for call in ("is_on", "span", "batch")},
    }
    sys.stdout.write(json.dumps(figures) + "\n")


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
