"""What stands in ``deploy/`` can be read, and every command and setting in it exists."""

import configparser
import re
import shlex
from ipaddress import ip_address
from pathlib import Path

import msgspec
import pytest
import typer
import yaml

from siyu.app.cli import whole
from siyu.kernel.settings import Settings

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
KNOWN = {f"SIYU_{field.name.upper()}" for field in msgspec.structs.fields(Settings)}
COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text())


def check(words: list[str]) -> None:
    """The program has this command, with these options. Raises ``AssertionError``."""
    assert Path(words[0]).name == "siyu", words
    command = typer.main.get_command(whole())
    rest = words[1:]
    while rest and rest[0] in getattr(command, "commands", {}):
        command, rest = command.commands[rest[0]], rest[1:]  # type: ignore[attr-defined]
    options = {name for one in command.params for name in one.opts}
    assert {word for word in rest if word.startswith("-")} <= options, words
    assert not getattr(command, "commands", None), f"{words} names no command"


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_a_unit_starts_a_command_that_exists_and_leaves_it_time_to_stop(path: Path):
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment]
    unit.read(path)
    check(shlex.split(unit["Service"]["ExecStart"]))
    assert unit["Service"]["Restart"] == "always" and unit["Service"]["KillMode"] == "mixed"
    assert int(unit["Service"]["TimeoutStopSec"]) >= 20


@pytest.mark.parametrize("name", ["upgrade", "web", "worker"])
def test_a_service_starts_a_command_that_exists_with_settings_that_exist(name: str):
    service = COMPOSE["services"][name]
    check(service["command"])
    assert set(service["environment"]) <= KNOWN
    assert (DEPLOY / service["build"]["dockerfile"].removeprefix("deploy/")).exists()


def test_webs_and_workers_wait_for_the_schema_and_share_their_files():
    web, worker = COMPOSE["services"]["web"], COMPOSE["services"]["worker"]
    for one in (web, worker):
        assert one["deploy"]["replicas"] == 2 and one["volumes"] == ["files:/var/lib/siyu"]
        assert one["depends_on"] == {"upgrade": {"condition": "service_completed_successfully"}}


def test_the_settings_of_the_example_exist():
    text = (DEPLOY / "siyu.env.example").read_text()
    names = re.findall(r"^([A-Z_]+)=", text, re.MULTILINE)
    assert names and set(names) <= KNOWN


def test_the_load_balancer_leads_to_the_ports_of_the_units_and_hides_the_metrics():
    text = (DEPLOY / "nginx.conf").read_text()
    enabled = re.findall(r"siyu-web@(\d+)", (DEPLOY / "systemd/siyu-web@.service").read_text())
    assert re.findall(r"server 127\.0\.0\.1:(\d+)", text) == enabled
    assert "proxy_set_header Host $host" in text and "ip_hash" not in text
    assert "location = /metrics { return 404; }" in text


def test_the_load_balancer_says_who_called_and_the_webs_behind_it_believe_it():
    lines = [line.strip() for line in (DEPLOY / "nginx.conf").read_text().splitlines()]
    assert "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;" in lines
    text = (DEPLOY / "siyu.env.example").read_text()
    (named,) = re.findall(r"^SIYU_TRUSTED_PROXIES=(.+)$", text, re.MULTILINE)
    trusted = Settings(trusted_proxies=named).proxies
    assert any(ip_address("127.0.0.1") in network for network in trusted)
    for name in ("web", "worker"):
        assert "SIYU_TRUSTED_PROXIES" in COMPOSE["services"][name]["environment"]
