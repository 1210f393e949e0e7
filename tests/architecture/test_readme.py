"""The README names what there is: every command of the program and every setting, in both languages."""

import re
from itertools import takewhile

import msgspec
import pytest
from typer.main import get_command

from siyu.app.cli import whole
from siyu.kernel.settings import Settings
from tests.architecture.ratchet import ROOT


def commands(group, before=()):
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            if command.invoke_without_command:
                yield (*before, name)
            yield from commands(command, (*before, name))
        elif not command.hidden:
            yield (*before, name)


@pytest.mark.parametrize("readme", ["README.md", "README.zh-CN.md"])
def test_every_command_and_setting_is_named_in_the_readme(readme):
    text = (ROOT / readme).read_text()
    named = set()
    for row in re.findall(r"^\| (`.*?) \|", text.replace("\\|", "∣"), re.MULTILINE):
        for call in re.findall(r"`([^`]+)`", row):
            head = list(takewhile(re.compile(r"[a-z][a-z∣-]*$").match, call.split()))
            named |= {(*head[:-1], last) for last in (head[-1].split("∣") if head else [])}
    there = set(commands(get_command(whole())))
    assert there - named == set()
    settings = {f"SIYU_{field.name.upper()}" for field in msgspec.structs.fields(Settings)}
    assert {one for one in settings if f"`{one}`" not in text} == set()
