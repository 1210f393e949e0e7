"""Debian packages: installed by root, or unpacked into a folder by anybody."""

import os
import shutil
import subprocess
from pathlib import Path


def possible() -> bool:
    """Whether this machine knows apt and dpkg."""
    return all(map(shutil.which, ("apt-get", "dpkg-deb")))


def install(*packages: str) -> bool:
    """Install packages for the whole machine; false when this user may not or it did not work."""
    if not possible() or os.geteuid() != 0:
        return False
    apt = ("apt-get", "-qq", "-o", "DPkg::Lock::Timeout=600")
    env = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    get = (*apt, "install", "-y", "--no-install-recommends", *packages)
    return all(
        subprocess.run(command, env=env, stdout=subprocess.DEVNULL, check=False).returncode == 0
        for command in ((*apt, "update"), get)
    )


def unpack(folder: Path, *packages: str, needed: bool = False) -> bool:
    """Unpack packages, and what they need and the machine lacks, below a folder.

    Everything apt writes stays in that folder, so any user may do it and nothing is installed.
    `needed` takes the named packages even when the machine has them. False when apt cannot.
    """
    if not possible():
        return False
    state = folder / "apt"
    for part in ("lists/partial", "archives/partial"):
        (state / part).mkdir(parents=True, exist_ok=True)
    apt = (
        *("apt-get", "-qq", "-o", "Debug::NoLocking=1", "-o", "APT::Sandbox::User="),
        *("-o", f"Dir::State::lists={state / 'lists'}", "-o", f"Dir::Cache={state}"),
        *("-o", "APT::Keep-Downloaded-Packages=true"),
    )
    get = ("install", "-y", "--download-only", "--no-install-recommends")
    again = ("--reinstall",) if needed else ()
    for command in ((*apt, "update"), (*apt, *get, *again, *packages)):
        if subprocess.run(command, stdout=subprocess.DEVNULL, check=False).returncode != 0:
            return False
    for package in sorted((state / "archives").glob("*.deb")):
        if not package.name.startswith("libc6_"):  # a second C library would not fit the machine's
            subprocess.run(["dpkg-deb", "-x", package, folder], check=True)
    shutil.rmtree(state)
    return True
