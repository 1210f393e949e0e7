"""What leaves as a file cannot run in a spreadsheet, and no name leads out of its folder."""

import csv
import io
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from siyu.goods.catalogue.actions.importing import csv_safe
from siyu.kernel import jobs
from siyu.kernel.cells import cell as harmless
from tests.conftest import client_for

ROOT = Path(__file__).parents[2]
HARMFUL = re.compile(r"[=+@\t\r]|-(?![0-9.]+$)")
WRITERS = {
    "siyu/app/cli_data.py": "orders, through cells.cell",
    "siyu/app/ledger/export.py": "statements, through cells.cell",
    "siyu/app/simulate/opening.py": "goods of a made-up world, read by nobody",
    "siyu/goods/catalogue/actions/importing.py": "refused rows, through csv_safe",
    "siyu/goods/catalogue/queries/exporting.py": "products, through cells.harmless",
}
"""All that writes tables, and what makes its cells harmless. Products have their own property test beside them."""


def test_whoever_writes_a_table_is_known_here():
    found = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "siyu").rglob("*.py")
        if re.search(r"csv\.(writer|DictWriter)|\bWorkbook\(|to_csv\(", path.read_text())
    }
    assert found == set(WRITERS), "a new export: make its cells harmless, prove it, and name it"


@given(st.text(max_size=30) | st.sampled_from(["=1+1", "+1", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "-cmd|' /C calc'!A0"]))  # fmt: skip
def test_no_cell_of_any_export_is_worked_out_by_a_spreadsheet(text):
    for cell in (harmless(text), csv_safe(text)):
        assert not HARMFUL.match(cell), cell
        assert cell in (text, "'" + text)


async def test_the_report_of_refused_rows_repeats_nothing_that_runs(console, runtime, brand):
    sly = ["=1+1", "@SUM(A1)", "+cmd|' /C calc'!A0", "-2+3", "\t=1"]
    table = io.StringIO()
    rows = csv.writer(table)
    rows.writerow(["handle", "title", "price", "status"])
    rows.writerows([f"h{n}", f"{text}茶", text, "on_sale"] for n, text in enumerate(sly))
    handed = await console.post(
        "/api/console/imports", files={"file": ("=cmd.csv", table.getvalue().encode())}
    )
    started = await console.post(
        f"/api/console/imports/{handed.json()['id']}/start", json={"format": "siyu"}
    )
    assert started.status_code == 202, started.text
    await jobs.run_waiting(runtime, brand.id)
    report = await console.get(f"/api/console/jobs/{started.json()['id']}/report")
    assert report.status_code == 200, report.text
    cells = [cell for row in csv.reader(io.StringIO(report.text)) for cell in row]
    assert any("SUM(A1)" in cell for cell in cells)
    assert [cell for cell in cells if HARMFUL.match(cell)] == []


@pytest.mark.parametrize(
    ("given_name", "kept"),
    [
        ("../../../etc/passwd.csv", "passwd.csv"),
        ("..\\..\\windows\\win.ini.csv", "win.ini.csv"),
        ("/etc/cron.d/x.csv", "x.csv"),
        ("C:\\a\\b.csv", "b.csv"),
        ("a/../", "products.csv"),
        ("x" * 500 + ".csv", "x" * 200),
    ],
)
async def test_a_files_name_is_a_label_and_leads_nowhere(console, home, given_name, kept):
    before = {path for path in home.rglob("*") if path.is_file()}
    answer = await console.post(
        "/api/console/imports", files={"file": (given_name, b"handle,title,price\na,b,1\n")}
    )
    assert answer.status_code == 201, answer.text
    assert answer.json()["filename"] == kept
    made = {path for path in home.rglob("*") if path.is_file()} - before
    assert len(made) == 1 and all("imports" in path.parts for path in made)
    assert not any(part in str(path) for path in made for part in ("passwd", "win.ini", "cron", ".."))  # fmt: skip


@pytest.mark.parametrize(
    "path",
    [
        "/../pyproject.toml", "/..%2f..%2fpyproject.toml", "/%2e%2e/%2e%2e/pyproject.toml", "/assets/../../../pyproject.toml",
        "/assets/..%5c..%5cpyproject.toml", "//etc/passwd", "/%00/etc/passwd", "/assets/%2e%2e%2f%2e%2e%2f%2e%2e%2f%2e%2e%2fetc/passwd",
        "/....//....//etc/passwd", "/.git/config", "/secrets/signing",
    ],
)  # fmt: skip
async def test_no_address_leads_out_of_the_built_apps(app, brand, path):
    for host in ("localhost", brand.host, "media.localhost"):
        async with client_for(app, host) as client:
            answer = await client.get(f"http://{host}{path}")
        assert "root:" not in answer.text and "[project]" not in answer.text, (host, path)
        assert "repositoryformatversion" not in answer.text
        html = answer.headers.get("content-type", "").startswith("text/html")
        assert answer.status_code in (400, 404) or (html and "<script" in answer.text), (host, path)


async def test_a_report_is_called_by_its_number_and_never_by_what_somebody_typed(
    console, runtime, brand
):
    handed = await console.post(
        "/api/console/imports",
        files={"file": ('a"; filename="evil.exe', b"handle,title,price\na,b,x\n")},
    )
    started = await console.post(
        f"/api/console/imports/{handed.json()['id']}/start", json={"format": "siyu"}
    )
    await jobs.run_waiting(runtime, brand.id)
    report = await console.get(f"/api/console/jobs/{started.json()['id']}/report")
    said = report.headers["content-disposition"]
    assert re.fullmatch(r'attachment; filename="report-[0-9a-f]{8}\.csv"', said)
    assert report.headers["x-content-type-options"] == "nosniff"
