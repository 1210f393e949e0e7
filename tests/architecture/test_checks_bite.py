"""Each check finds what it is there to find, on a small broken tree, and lets a good tree pass."""

import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.architecture import checks
from tests.architecture.ratchet import ROOT

GOOD = {
    "siyu/__init__.py": "",
    "siyu/app/__init__.py": "",
    "siyu/app/wiring.py": "import siyu.goods.orders.http, siyu.goods.orders.reactions",
    "siyu/insight/__init__.py": "",
    "siyu/scenes/__init__.py": "",
    "siyu/people/__init__.py": "",
    "siyu/people/staff/__init__.py": "",
    "siyu/people/staff/README.md": "Who works here.",
    "siyu/kernel/__init__.py": "",
    "siyu/kernel/db.py": "",
    "siyu/kernel/clock.py": "",
    "siyu/goods/__init__.py": "",
    "siyu/goods/stock/__init__.py": "from siyu.goods.stock.actions import take",
    "siyu/goods/stock/README.md": "What is there.",
    "siyu/goods/stock/actions.py": "def take(): ...",
    "siyu/goods/stock/rules.py": "",
    "siyu/goods/orders/__init__.py": "from .actions import place",
    "siyu/goods/orders/README.md": "What is sold.",
    "siyu/goods/orders/http.py": "from . import actions, queries",
    "siyu/goods/orders/reactions.py": "from siyu.goods.stock import take\nfrom . import actions",
    "siyu/goods/orders/actions.py": (
        "from siyu.goods import stock\nfrom siyu.goods.stock import rules\n"
        "total_minor: int = 7 // 2\ndef place(): ..."
    ),
    "siyu/goods/orders/queries.py": "",
    "siyu/goods/orders/rules.py": "from siyu.goods.stock import rules",
    "tests/test_orders.py": "def test_an_order_is_placed_once(): ...",
}
Tree = Callable[[dict[str, str]], Path]


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """Writes the good tree with some files put over it."""

    def write(broken: dict[str, str]) -> Path:
        for name, text in (GOOD | broken).items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return tmp_path

    return write


def words(root: Path) -> list[str]:
    return checks.forbidden_words(root, (path for path in root.rglob("*") if path.is_file()))


def too_large(root: Path) -> list[str]:
    return checks.grown(checks.sizes(root), {})


Check = Callable[[Path], list[str]]
ALL: list[Check] = [
    checks.around_doors,
    checks.unwired,
    checks.inexact_money,
    checks.without_readme,
    checks.mumbled_tests,
    checks.committing_actions,
    checks.vague_names,
    words,
    too_large,
]
DOORS = "siyu/goods/orders/queries.py"
BROKEN: list[tuple[Check, str, str]] = [
    (checks.around_doors, DOORS, "from siyu.goods.stock.actions import take"),
    (checks.around_doors, DOORS, "from siyu.goods.stock import actions"),
    (checks.around_doors, DOORS, "import siyu.goods.stock.actions"),
    (checks.around_doors, DOORS, "from ..stock import actions"),
    (checks.around_doors, "siyu/app/wiring.py", "import siyu.goods.stock.actions"),
    (checks.unwired, "siyu/app/wiring.py", "import siyu.goods.orders.http"),
    (checks.unwired, "siyu/people/staff/jobs.py", ""),
    (checks.inexact_money, "siyu/kernel/money.py", "price_minor: float = 1"),
    (checks.inexact_money, "siyu/kernel/money.py", "def half_minor(total_minor: float): ..."),
    (checks.inexact_money, "siyu/kernel/money.py", "def half_minor(x) -> float: ..."),
    (checks.inexact_money, "siyu/kernel/money.py", "share_minor = int(7 / 2)"),
    (checks.inexact_money, "siyu/kernel/money.py", "row.fee_minor += 0.5"),
    (checks.inexact_money, "siyu/kernel/money.py", "pay(fee_minor=float('1'))"),
    (checks.without_readme, "siyu/people/brands/__init__.py", ""),
    (checks.mumbled_tests, "tests/goods/test_stock.py", "async def test_stock_works(): ..."),
    (checks.committing_actions, "siyu/goods/orders/actions/pay.py", "session.commit()"),
    (checks.committing_actions, "siyu/goods/stock/actions.py", "await session.rollback()"),
    (checks.vague_names, "siyu/kernel/utils.py", ""),
    (checks.vague_names, "siyu/kernel/common/text.py", ""),
    (words, "requirements.lock", "--index-url https://pypi" + ".org/simple"),
    (words, "web/console/package-lock.json", "https://registry.npm" + "js.org/vue"),
    (words, "docs/guide.md", "see /work/" + "main"),
    (words, "siyu/kernel/db.py", "# TO" + "DO: later"),
    (too_large, "siyu/kernel/db.py", "def long():\n" + "    pass\n" * 60),
    (too_large, "siyu/kernel/db.py", "class A:\n  def long(self):\n" + "    pass\n" * 60),
    (too_large, "siyu/kernel/db.py", "pass\n" * 401),
]


def test_a_good_tree_passes_every_check(tree: Tree):
    root = tree({})
    assert [complaint for check in ALL for complaint in check(root)] == []


@pytest.mark.parametrize(("check", "path", "text"), BROKEN)
def test_a_broken_tree_is_found_by_its_check(tree: Tree, check: Check, path: str, text: str):
    complaints = check(tree({path: text}))
    assert len(complaints) == 1


def test_a_folder_of_eleven_files_is_too_large(tree: Tree):
    root = tree({f"siyu/goods/stock/room_{number}.py": "" for number in range(8)})
    assert too_large(root) == ["folder siyu/goods/stock: 11, allowed 10"]


def test_the_ratchet_lets_shrink_but_not_grow():
    place = "file siyu/app/old.py"
    assert checks.grown({place: 500}, {place: 500}) == []
    assert checks.grown({place: 501}, {place: 500}) == [f"{place}: 501, allowed 500"]
    assert checks.slack({place: 450}, {place: 500}) == [f"{place}: recorded 500, is 450"]
    assert checks.slack({}, {place: 500}) == [f"{place}: recorded 500, is within its limit"]


CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"][
    "contracts"
]
AGAINST = {  # contract → the file that breaks it, and what that file imports
    "stack": ("siyu/people/staff/actions.py", "import siyu.goods.orders"),
    "people": ("siyu/people/staff/actions.py", "import siyu.people.customers"),
    "goods": ("siyu/goods/stock/queries.py", "import siyu.goods.orders"),
    "scenes": ("siyu/scenes/links/actions.py", "import siyu.scenes.storefront"),
    "insight": ("siyu/insight/tracking/actions.py", "import siyu.insight.boards"),
    "circles": ("siyu/kernel/clock.py", "import siyu.kernel.db"),
    "rooms": ("siyu/goods/orders/queries.py", "import siyu.goods.orders.actions"),
    "rules": ("siyu/goods/orders/rules.py", "import sqlalchemy"),
}
ROOMS_ABOVE = {  # what the files above reach for
    f"siyu/{module}/__init__.py": ""
    for module in (
        "people/customers",
        "scenes/links",
        "scenes/storefront",
        "insight/tracking",
        "insight/boards",
    )
} | {"siyu/kernel/db.py": "import siyu.kernel.clock"}


def keeps(root: Path, contract: str) -> bool:
    """Whether import-linter finds one contract kept in a tree."""
    (root / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text())
    linter = Path(sys.executable).with_name("lint-imports")
    command = [linter, "--no-cache", "--contract", contract]
    ran = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert f"{1 - ran.returncode} kept, {ran.returncode} broken" in ran.stdout, ran.stdout
    return ran.returncode == 0


@pytest.mark.parametrize("contract", [contract["id"] for contract in CONTRACTS])
def test_each_contract_of_imports_is_kept_and_can_be_broken(tree: Tree, contract: str):
    assert keeps(tree(ROOMS_ABOVE), contract)
    path, text = AGAINST[contract]
    assert not keeps(tree(ROOMS_ABOVE | {path: text}), contract)
