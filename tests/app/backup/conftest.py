"""Backup folders of the run's own server are dumps; an engine of its own is backed up with its log."""

import shutil
import tempfile
from pathlib import Path

import pytest


@pytest.fixture
def place():
    """A folder that the database's account may enter."""
    folder = Path(tempfile.mkdtemp(prefix="siyu-backup-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)
