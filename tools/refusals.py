"""Writes the table of refusal codes into docs/api.md, from the code. `--check` only says whether it is up to date."""

import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import siyu.app.wiring  # noqa: E402, F401 – loads every module
from siyu.kernel.errors import Refusal  # noqa: E402

PAGE = ROOT / "docs" / "api.md"
BEGIN, END = "<!-- refusals: made by tools/refusals.py -->", "<!-- end of refusals -->"


def refusals(of: type[Refusal] = Refusal) -> Iterator[type[Refusal]]:
    """All kinds of refusal that have a code of their own."""
    for kind in of.__subclasses__():
        if "code" in vars(kind) and kind.__module__.startswith("siyu."):
            yield kind
        yield from refusals(kind)


def table() -> str:
    """A Markdown table by code; two refusals with one code share a row."""
    rows: dict[str, tuple[int, list[str]]] = {}
    for kind in refusals():
        _, details = rows.setdefault(kind.code, (kind.status, []))
        if kind.detail not in details:
            details.append(kind.detail)
    lines = ["| code | status | what it says |", "|---|---|---|"]
    lines += [
        f"| `{code}` | {status} | {' / '.join(details)} |"
        for code, (status, details) in sorted(rows.items())
    ]
    return "\n".join(lines)


def main() -> int:
    page = PAGE.read_text()
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    wanted = f"{before}{BEGIN}\n{table()}\n{END}{after}"
    if page == wanted:
        return 0
    if "--check" in sys.argv:
        print(f"{PAGE.relative_to(ROOT)} is out of date: run python tools/refusals.py")
        return 1
    PAGE.write_text(wanted)
    print(f"{PAGE.relative_to(ROOT)} is written.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
