"""The house's health tells how its backups stand, and what to do when they do not."""

from datetime import timedelta

import msgspec
import pytest

from siyu.app.backup.archiving import Status
from siyu.app.backup.health import look
from siyu.kernel import clock


class House:
    """As much of a runtime as is looked at."""

    def __init__(self, settings, *, is_demo):
        self.settings, self.is_demo = settings, is_demo


def ago(**time):
    return clock.now() - timedelta(**time)


@pytest.mark.parametrize(
    ("status", "is_demo", "state", "says"),
    [
        ({}, True, "ok", "Nothing is backed up"),
        ({}, False, "warn", "Take a backup"),
        ({"chain": "c", "covered_until": ago(seconds=40)}, False, "ok", "kept up"),
        ({"chain": "c", "covered_until": ago(minutes=9)}, False, "warn", "9 minutes behind"),
        ({"chain": "c", "trouble": "disk full"}, True, "bad", "disk full"),
        ({"broken": "more than 8 GB waited"}, False, "bad", "8 GB"),
    ],
)
async def test_backups_say_how_they_stand(runtime, tmp_path, status, is_demo, state, says):
    settings = msgspec.structs.replace(runtime.settings, home=tmp_path)
    (tmp_path / "backup.json").write_bytes(msgspec.json.encode(Status(**status)))
    part = await look(House(settings, is_demo=is_demo))
    assert (part.name, part.state) == ("backups", state)
    assert says in part.says["en"] and part.says["zh-CN"]
