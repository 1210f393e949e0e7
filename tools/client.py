"""Writes web/client from the code: the OpenAPI document and the TypeScript types made from it.

`--check` only says whether both are up to date; `--document` leaves the types alone (they need the console's packages).
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import setup

sys.path.insert(0, str(setup.ROOT))

from siyu.app.web import document

CLIENT = setup.ROOT / "web" / "client"
GENERATOR = setup.ROOT / "web" / "console" / "node_modules" / ".bin" / "openapi-ts"


def written() -> str:
    """The document as it is kept: sorted by path, one member a line, so that changes can be read."""
    return json.dumps(document(), ensure_ascii=False, indent=1) + "\n"


def typed(text: str, folder: Path) -> str:
    """The TypeScript types of a document; ``folder`` is the generator's to write to."""
    source = folder / "openapi.json"
    source.write_text(text)
    subprocess.run(
        [
            *(GENERATOR, "--silent", "--no-log-file"),
            *("--file", CLIENT / "openapi-ts.config.mjs"),
            *("--input", source, "--output", folder / "types"),
        ],
        cwd=CLIENT,
        env=setup.node(),
        check=True,
    )
    return (folder / "types" / "types.gen.ts").read_text()


def main() -> int:
    text = written()
    wanted = {CLIENT / "openapi.json": text}
    if "--document" not in sys.argv:
        with tempfile.TemporaryDirectory() as folder:
            wanted[CLIENT / "types.gen.ts"] = typed(text, Path(folder))
    stale = [path for path, new in wanted.items() if not path.exists() or path.read_text() != new]
    names = ", ".join(str(path.relative_to(setup.ROOT)) for path in stale)
    if not stale:
        return 0
    if "--check" in sys.argv:
        print(f"Out of date: {names}. Run: .venv/bin/python tools/client.py")
        return 1
    for path in stale:
        path.write_text(wanted[path])
    print(f"Written: {names}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
