"""What the build demands of the tree, as functions: folder → complaints, empty when all is well.

Each is tried on small broken trees in test_checks_bite.py.
"""

import ast
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

AREAS = ("people", "goods", "scenes", "insight", "growth", "connectors", "open_platform")
ROOMS_FOR_APP = {"http", "reactions", "jobs", "tables", "invariants"}
CODE = ("siyu", "tests", "tools", "bench")
VAGUE = {"utils", "helpers", "common", "manager", "managers", "base"}
LIMITS = {"function": 60, "file": 400, "folder": 10}

# Written in pieces, so that this file may pass its own check.
FORBIDDEN = re.compile(
    "|".join(
        [
            r"pypi" + r"\.org",
            r"python" + r"hosted\.org",
            r"registry\.npm" + r"(js\.org|mirror\.com)",
            r"/work/" + r"(main|shared)\b",
            r"\.\./sha" + r"red\b",
            r"\b(TO" + r"DO|FIX" + r"ME)\b",
            r"\b(sub|helper )" + r"agents?\b",
            r"\b(next|last|previous) ses" + r"sion (will|should|must|did|left)",
        ]
    )
)
SKIPPED = {"node_modules", "dist", "unpackage", "__pycache__", "LICENSE"}
TEXT = {
    *(".py", ".md", ".toml", ".lock", ".json", ".sh", ".sql", ".mako", ".yml", ".yaml", ".txt"),
    *(".ts", ".js", ".mjs", ".cjs", ".vue", ".css", ".scss", ".html", ".svg", ""),
}


def python_files(root: Path, *folders: str) -> Iterator[Path]:
    """Python files below some folders, in a fixed order."""
    for folder in folders:
        yield from sorted((root / folder).rglob("*.py"))


def modules(root: Path) -> Iterator[Path]:
    """Folders of modules: siyu/<area>/<module>."""
    for area in AREAS:
        for door in sorted((root / "siyu" / area).glob("*/__init__.py")):
            yield door.parent


def dotted(root: Path, path: Path) -> str:
    """The import name of a file."""
    name = ".".join(path.relative_to(root).with_suffix("").parts)
    return name.removesuffix(".__init__")


def imports(root: Path, path: Path) -> Iterator[tuple[int, str]]:
    """(line, name) of all that a file imports; a name taken from a package counts with its name."""
    package = dotted(root, path).split(".")
    if path.name != "__init__.py":
        package = package[:-1]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, name.name) for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            source = ".".join([*above, *(node.module or "").split(".")]).strip(".")
            yield from ((node.lineno, f"{source}.{name.name}") for name in node.names)


def around_doors(root: Path) -> list[str]:
    """Imports that enter a module other than by its package or its rules.

    ``siyu.app`` also enters the rooms it wires; a module's own files go where they like.
    """
    inside = {dotted(root, path) for module in modules(root) for path in module.rglob("*.py")}
    doors = {dotted(root, module / "__init__.py") for module in modules(root)}
    complaints: set[str] = set()
    for path in python_files(root, "siyu"):
        me = dotted(root, path)
        for line, name in imports(root, path):
            module = ".".join(name.split(".")[:3])
            room = name.split(".")[3:4]
            entered = f"{module}.{room[0]}" if room else ""
            if module not in doors or entered not in inside or f"{me}.".startswith(f"{module}."):
                continue
            allowed = {"rules"} | (ROOMS_FOR_APP if me.startswith("siyu.app") else set())
            if room[0] not in allowed:
                complaints.add(f"{path.relative_to(root)}:{line}: {entered} is not a door")
    return sorted(complaints)


def sizes(root: Path) -> dict[str, int]:
    """What is over its limit: ``kind place`` → lines of a function or file, .py files of a folder."""
    over: dict[str, int] = {}

    def weigh(kind: str, place: str, size: int) -> None:
        if size > LIMITS[kind]:
            over[f"{kind} {place}"] = size

    for path in python_files(root, *CODE):
        text, place = path.read_text(), path.relative_to(root).as_posix()
        weigh("file", place, len(text.splitlines()))
        for name, node in functions(ast.parse(text)):
            weigh("function", f"{place}::{name}", (node.end_lineno or 0) - node.lineno + 1)
    for folder in {path.parent for path in python_files(root, "siyu")}:
        # siyu/<area>/<module> and below. Steps of the schema are history: they only become more.
        if len(folder.relative_to(root).parts) > 2 and folder.name != "versions":
            weigh("folder", folder.relative_to(root).as_posix(), len(list(folder.glob("*.py"))))
    return over


def functions(
    tree: ast.AST, within: str = ""
) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    """Functions and methods with their names inside the file."""
    for node in ast.iter_child_nodes(tree):
        named = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        name = f"{within}{node.name}" if named else within.rstrip(".")
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield name, node
        yield from functions(node, f"{name}." if name else "")


def grown(over: dict[str, int], recorded: dict[str, int]) -> list[str]:
    """What is over its limit and larger than recorded: it may shrink, it may not grow."""
    return [
        f"{place}: {size}, allowed {recorded.get(place) or LIMITS[place.split()[0]]}"
        for place, size in over.items()
        if size > recorded.get(place, 0)
    ]


def slack(over: dict[str, int], recorded: dict[str, int]) -> list[str]:
    """What is recorded larger than it is by now; `ratchet.py` takes the record down."""
    return [
        f"{place}: recorded {size}, is {over.get(place, 'within its limit')}"
        for place, size in recorded.items()
        if size > over.get(place, 0)
    ]


def unwired(root: Path) -> list[str]:
    """Reactions and jobs that importing ``siyu.app.wiring`` does not load, so would never run."""
    code = "import sys, siyu.app.wiring; print(*sys.modules, sep='\\n')"
    command = [sys.executable, "-c", code]
    loaded = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout
    rooms = [dotted(root, m / f"{n}.py") for m in modules(root) for n in ("reactions", "jobs")]
    there = {dotted(root, path) for path in python_files(root, "siyu")}
    return [name for name in rooms if name in there and name not in loaded.split()]


def forbidden_words(root: Path, tracked: Iterable[Path]) -> list[str]:
    """Lines with words that have no place in the project: addresses of registries, work notes."""
    complaints: list[str] = []
    for path in tracked:
        if SKIPPED & {*path.relative_to(root).parts} or path.suffix not in TEXT:
            continue
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
            if found := FORBIDDEN.search(line):
                complaints.append(f"{path.relative_to(root)}:{number}: {found.group()}")
    return complaints


def inexact_money(root: Path) -> list[str]:
    """Names ending in _minor that are declared float, or given a division or a decimal fraction."""
    complaints: list[str] = []
    for path in python_files(root, "siyu"):
        for node in ast.walk(ast.parse(path.read_text())):
            for name, judged in money(node):
                if any(map(is_inexact, ast.walk(judged))):
                    complaints.append(f"{path.relative_to(root)}:{judged.lineno}: {name}")
    return complaints


def money(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """(name, what to judge) where a node declares or fills a name ending in _minor."""
    pairs: list[tuple[str | None, ast.expr | None]] = []
    match node:
        case ast.AnnAssign(target=ast.Name(id=name) | ast.Attribute(attr=name)):
            pairs = [(name, node.annotation), (name, node.value)]
        case ast.Assign(targets=[ast.Name(id=name) | ast.Attribute(attr=name)]):
            pairs = [(name, node.value)]
        case ast.AugAssign(target=ast.Name(id=name) | ast.Attribute(attr=name)):
            pairs = [(name, node.value)]
        case ast.keyword() | ast.arg():
            value = node.value if isinstance(node, ast.keyword) else node.annotation
            pairs = [(node.arg, value)]
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            pairs = [(node.name, node.returns)]
        case _:
            pass
    for name, value in pairs:
        if name is not None and name.endswith("_minor") and value is not None:
            yield name, value


def is_inexact(node: ast.AST) -> bool:
    """Whether an expression's part is a float, makes one, or divides."""
    match node:
        case ast.Name(id="float") | ast.BinOp(op=ast.Div()) | ast.Constant(value=float()):
            return True
        case _:
            return False


def without_readme(root: Path) -> list[str]:
    """Modules that do not say what they are."""
    return [str(m.relative_to(root)) for m in modules(root) if not (m / "README.md").exists()]


def mumbled_tests(root: Path) -> list[str]:
    """Tests whose name is no sentence: fewer than four words."""
    return [
        f"{path.relative_to(root)}:{node.lineno}: {node.name}"
        for path in python_files(root, "tests")
        for _, node in functions(ast.parse(path.read_text()))
        if node.name.startswith("test_") and len(node.name.removeprefix("test_").split("_")) < 4
    ]


def committing_actions(root: Path) -> list[str]:
    """Actions that end a transaction; only the edge that opened it may."""
    return [
        f"{path.relative_to(root)}:{node.lineno}: .{node.func.attr}()"
        for path in python_files(root, "siyu")
        if path.parts[-1] == "actions.py" or "actions" in path.parts
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in {"commit", "rollback"}
    ]


def vague_names(root: Path) -> list[str]:
    """Files and folders named after nothing in the trade."""
    return [
        str(path.relative_to(root))
        for path in python_files(root, "siyu")
        if VAGUE & {*path.relative_to(root).with_suffix("").parts}
    ]
