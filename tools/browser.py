"""Finds a Chromium and a Chinese font for the browser tests, and gets them where they are missing.

`python tools/browser.py` prints {"executable": path, "env": {...}, "args": [...]}. It takes what the
machine has (SIYU_BROWSER names another); else root installs Debian's packages; else they are
unpacked, not installed, into ~/.cache/siyu/browser.
"""

import fcntl
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TypedDict

import debs

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PACKAGES = ("chromium", "fonts-noto-cjk")
ARGS = [
    "--headless",
    "--no-sandbox",  # tests open our own pages only, often as root
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
MISSING = (
    "No Chromium found and it could not be fetched: install chromium and a Chinese font "
    "(Debian: apt install chromium fonts-noto-cjk), or set SIYU_BROWSER to its path."
)
FONTS = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir>/usr/share/fonts</dir><dir>{fonts}</dir><cachedir>{cache}</cachedir></fontconfig>
"""


class Browser(TypedDict):
    """How to start it: the program, what its environment needs on top, and its arguments."""

    executable: str
    env: dict[str, str]
    args: list[str]


def cache() -> Path:
    """A folder of this user that outlives the checkout, or the checkout's own."""
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = home / "siyu" / "browser"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        folder = Path(__file__).resolve().parent.parent / ".cache" / "browser"
        folder.mkdir(parents=True, exist_ok=True)
    return folder


def runs(program: str | Path, env: Mapping[str, str]) -> bool:
    """Whether the program starts at all: a browser without its libraries does not."""
    try:
        asked = subprocess.run(
            [program, "--version"], env=os.environ | env, capture_output=True, check=False
        )
    except OSError:
        return False
    return asked.returncode == 0


def installed() -> str | None:
    """The machine's own browser."""
    wanted = os.environ.get("SIYU_BROWSER")
    found = map(shutil.which, [wanted] if wanted else NAMES)
    return next((path for path in found if path and runs(path, {})), None)


def writes_chinese() -> bool:
    """Whether the machine has glyphs for Chinese; without them pages show boxes."""
    if shutil.which("fc-list"):
        listed = subprocess.run(["fc-list", ":lang=zh"], capture_output=True, check=False)
        return bool(listed.stdout.strip())
    return any(Path("/usr/share/fonts").rglob("*CJK*"))


def unpacked(folder: Path) -> Browser | None:
    """The browser and fonts below a folder, when they are there and start."""
    program = folder / "usr/lib/chromium/chromium"
    roots = [path for name in ("usr/lib", "lib") for path in (folder / name).glob("*-linux-*")]
    libraries = [str(path) for root in roots for path in (root, *root.iterdir()) if path.is_dir()]
    config = folder / "fonts.conf"
    fonts = folder / "usr/share/fonts"
    env = {"LD_LIBRARY_PATH": ":".join(libraries), "FONTCONFIG_FILE": str(config)}
    if not program.exists() or not runs(program, env):
        return None
    config.write_text(FONTS.format(fonts=fonts, cache=folder / "fontconfig"))
    return {"executable": str(program), "env": env, "args": ARGS}


def find(*, unpack: bool = False) -> Browser | None:
    """The first browser that works, fetched if need be; None when there is no way to one.

    `unpack` passes over what the machine has. Two processes that ask at once fetch once.
    """
    folder = cache()
    with (folder.parent / "browser.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not unpack:
            if installed() and writes_chinese():
                return {"executable": str(installed()), "env": {}, "args": ARGS}
            debs.install(*PACKAGES)
            if (program := installed()) and writes_chinese():
                return {"executable": program, "env": {}, "args": ARGS}
        if (ready := unpacked(folder)) is None and debs.unpack(folder, *PACKAGES, needed=True):
            ready = unpacked(folder)
        return ready


def main() -> None:
    """Print the browser for another program, or say in one sentence why there is none."""
    browser = find(unpack="--unpack" in sys.argv)
    if browser is None:
        sys.exit(MISSING)
    print(json.dumps(browser))


if __name__ == "__main__":
    main()
