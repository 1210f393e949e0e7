"""Every threat of docs/threat-model.md names a test, and that test exists."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MODEL = ROOT / "docs" / "threat-model.md"
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")


def missing(text: str, root: Path) -> list[str]:
    """Tests that the text names and that are not there."""
    out: list[str] = []
    for place, name in NAMED.findall(text):
        path = root / place
        tree = ast.parse(path.read_text()) if path.is_file() else ast.Module([], [])
        if name not in {getattr(node, "name", "") for node in tree.body}:
            out.append(f"{place}::{name}")
    return out


def test_every_test_that_the_threat_model_names_exists():
    text = MODEL.read_text()
    assert missing(text, ROOT) == []
    assert len(NAMED.findall(text)) >= 35


def test_every_threat_has_a_defence_and_a_proof():
    rows = MODEL.read_text().partition("## Threats")[2].partition("##")[0].splitlines()
    for row in rows:
        if not row.startswith("|") or set(row) <= set("|- ") or row.startswith("| threat"):
            continue
        threat, defence, proof = (cell.strip() for cell in row.strip("|").split("|"))
        assert threat and defence and NAMED.fullmatch(proof), row


def test_a_test_that_is_gone_is_missed():
    assert missing("`tests/x.py::test_a`", ROOT) == ["tests/x.py::test_a"]
    here = Path(__file__).relative_to(ROOT).as_posix()
    assert missing(f"`{here}::test_gone` `{here}::test_a_test_that_is_gone_is_missed`", ROOT) == [f"{here}::test_gone"]  # fmt: skip
