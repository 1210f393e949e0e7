"""The house's health tells how its backups stand, and what to do when they do not."""

from datetime import timedelta

import msgspec
import pytest

from siyu.app.backup.archiving import Status
from siyu.app.backup.health import look
from siyu.app.backup.verifying import VERDICT, Verdict
from siyu.kernel import clock


class House:
    """As much of a runtime as is looked at."""

    def __init__(self, settings, *, is_demo):
        self.settings, self.is_demo = settings, is_demo


def ago(**time):
    return clock.now() - timedelta(**time)


@pytest.mark.parametrize(
    ("chain", "age", "bad", "state", "says"),
    [
        ("c", timedelta(hours=1), "", "ok", "found whole at"),
        ("c", timedelta(hours=1), "wal/c/2", "bad", "damaged: wal/c/2"),
        ("", timedelta(hours=1), "", "ok", "not kept continuously"),
        ("", timedelta(hours=40), "", "warn", "not kept continuously"),
        ("", timedelta(hours=1), "bases/b/dump", "bad", "bases/b/dump"),
    ],
)
async def test_what_reading_the_newest_backup_showed_is_told(
    runtime, tmp_path, chain, age, bad, state, says
):
    settings = msgspec.structs.replace(runtime.settings, home=tmp_path)
    status = Status(chain=chain, covered_until=ago(seconds=40))
    (tmp_path / "backup.json").write_bytes(msgspec.json.encode(status))
    verdict = Verdict(id="b", at=clock.now() - age, seconds=1.5, files=9, bytes=10_000, bad=bad)
    (tmp_path / VERDICT).write_bytes(msgspec.json.encode(verdict))
    part = await look(House(settings, is_demo=False))
    assert part.state == state and says in part.says["en"] and part.says["zh-CN"]


@pytest.mark.parametrize(
    ("status", "is_demo", "state", "says"),
    [
        ({}, True, "ok", "Nothing is backed up"),
        ({}, False, "warn", "Take a backup"),
        ({"chain": "c", "covered_until": ago(seconds=40)}, False, "ok", "kept up"),
        ({"chain": "c"}, True, "ok", "no whole backup yet"),
        ({"chain": "c"}, False, "warn", "no whole backup yet"),
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
