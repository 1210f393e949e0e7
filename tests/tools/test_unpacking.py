"""The browser of the journeys for a user who may not install anything: Debian's packages are unpacked, nothing else."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import browser  # tools are programs beside the package
import debs
import pytest

TOOLS = Path(__file__).resolve().parents[2] / "tools"

pytestmark = pytest.mark.skipif(not shutil.which("dpkg-deb"), reason="needs Debian's dpkg-deb")

NOBODY = 65534
BROWSER = """#!/bin/sh
# Starts only with its library, which lies where packages put it.
IFS=:
for folder in $LD_LIBRARY_PATH; do
  if [ -e "$folder/libtrial.so.1" ]; then echo "Chromium 1 (trial)"; exit 0; fi
done
exit 127
"""
APT = """#!{python}
# Stands in for Debian's archive, which tests do not ask: hands out packages from a folder as apt-get would.
import os, pathlib, shutil, sys
words = sys.argv[1:]
with open(os.environ["TRIAL_LOG"], "a") as log:
    log.write(" ".join(words) + chr(10))
if os.environ.get("TRIAL_FAILS", "-") in words:
    sys.exit(100)
if "install" in words:
    (cache,) = [word.split("=", 1)[1] for word in words if word.startswith("Dir::Cache=")]
    assert "--download-only" in words, "a plain user installs nothing"
    for package in pathlib.Path(os.environ["TRIAL_ARCHIVE"]).glob("*.deb"):
        shutil.copy(package, pathlib.Path(cache) / "archives")
"""


def package(archive: Path, name: str, files: dict[str, str]) -> None:
    """A Debian package with these files; programs may be run."""
    root = archive.parent / f"{name}.d"
    for path, content in files.items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
        file.chmod(0o755)
    control = root / "DEBIAN" / "control"
    control.parent.mkdir(mode=0o755)
    control.write_text(
        f"Package: {name}\nVersion: 1\nArchitecture: all\nMaintainer: nobody\nDescription: trial\n"
    )
    archive.mkdir(exist_ok=True)
    target = archive / f"{name}_1_all.deb"
    subprocess.run(
        ["dpkg-deb", "--root-owner-group", "-b", root, target],
        check=True,
        stdout=subprocess.DEVNULL,
    )


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that every user may enter."""
    place = Path(tempfile.mkdtemp(prefix="siyu-unpack-"))
    place.chmod(0o755)
    yield place
    shutil.rmtree(place)


@pytest.fixture
def archive(place: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What apt finds: a browser, its library, fonts, and a C library that must stay packed."""
    archive, bin_ = place / "archive", place / "bin"
    package(archive, "chromium", {"usr/lib/chromium/chromium": BROWSER})
    package(archive, "libtrial1", {"usr/lib/x86_64-linux-gnu/trial/libtrial.so.1": ""})
    package(archive, "fonts-noto-cjk", {"usr/share/fonts/opentype/noto/NotoSansCJK.ttc": "glyphs"})
    package(archive, "libc6", {"usr/lib/x86_64-linux-gnu/libc.so.6": "another one"})
    bin_.mkdir()
    (bin_ / "apt-get").write_text(APT.format(python=sys.executable))
    (bin_ / "apt-get").chmod(0o755)
    monkeypatch.setenv("PATH", f"{bin_}:{os.environ['PATH']}")
    monkeypatch.setenv("TRIAL_ARCHIVE", str(archive))
    monkeypatch.setenv("TRIAL_LOG", str(place / "asked"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(place / "cache"))
    return archive


def asked(place: Path) -> list[str]:
    return (place / "asked").read_text().splitlines()


def test_a_browser_is_unpacked_with_its_libraries_and_fonts_and_starts(archive, place):
    found = browser.find(unpack=True)
    assert found is not None
    folder = place / "cache" / "siyu" / "browser"
    assert Path(found["executable"]) == folder / "usr/lib/chromium/chromium"
    assert not browser.runs(found["executable"], {}), "without its libraries it would not start"
    assert browser.runs(found["executable"], found["env"])
    fonts = Path(found["env"]["FONTCONFIG_FILE"]).read_text()
    assert str(folder / "usr/share/fonts") in fonts and "/usr/share/fonts</dir>" in fonts
    assert (folder / "usr/share/fonts/opentype/noto/NotoSansCJK.ttc").exists()
    assert not list(folder.rglob("libc.so.6")), "a second C library does not fit the machine's"
    assert not list(folder.rglob("*.deb")), "packages are not kept twice"


def test_what_was_unpacked_once_is_not_fetched_again(archive, place):
    first = browser.find(unpack=True)
    times = len(asked(place))
    assert first is not None and browser.find(unpack=True) == first
    assert len(asked(place)) == times == 2  # what there is, and the packages


def test_apt_writes_only_below_the_folder_and_installs_nothing(archive, place):
    folder = place / "here"
    assert debs.unpack(folder, "chromium", "fonts-noto-cjk", needed=True)
    for command in asked(place):
        assert f"Dir::State::lists={folder}/apt/lists" in command
        assert f"Dir::Cache={folder}/apt" in command and "Debug::NoLocking=1" in command
    assert not (folder / "apt").exists()


@pytest.mark.parametrize("step", ["update", "install"])
def test_a_machine_that_cannot_fetch_has_no_browser_and_says_so_in_one_sentence(
    archive, place, monkeypatch, step
):
    monkeypatch.setenv("TRIAL_FAILS", step)
    assert not debs.unpack(place / "here", "chromium", needed=True)
    told = subprocess.run(
        [sys.executable, TOOLS / "browser.py", "--unpack"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (told.returncode, told.stdout, told.stderr.strip()) == (1, "", browser.MISSING)


def test_packages_that_do_not_make_a_browser_that_starts_are_none(archive, place):
    (archive / "libtrial1_1_all.deb").unlink()
    assert browser.find(unpack=True) is None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_a_plain_user_unpacks_as_well_as_root(archive, place):
    """The whole program, as a user without any rights and with a cache of their own."""
    python = shutil.which("python3", path="/usr/bin:/bin")
    if python is None:
        pytest.skip("every user needs a Python")
    cache = place / "theirs"
    cache.mkdir()
    os.chown(cache, NOBODY, NOBODY)
    for name in ("browser.py", "debs.py"):  # the checkout may lie where others may not look
        shutil.copy(TOOLS / name, place)
    apt = place / "bin" / "apt-get"
    apt.write_text(APT.format(python=python))
    (place / "asked").touch()
    os.chown(place / "asked", NOBODY, NOBODY)
    told = subprocess.run(
        [python, place / "browser.py", "--unpack"], capture_output=True, text=True, check=False, cwd="/",
        user=NOBODY, group=NOBODY, extra_groups=[], env={**os.environ, "XDG_CACHE_HOME": str(cache)},
    )  # fmt: skip
    assert told.returncode == 0, told.stderr
    program = cache / "siyu/browser/usr/lib/chromium/chromium"
    assert json.loads(told.stdout)["executable"] == str(program)
    assert program.stat().st_uid == NOBODY
