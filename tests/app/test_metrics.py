"""Metrics: what dashboards and alerts ask for exists, names are of one kind, and no visitor can make new series."""

import json
import re
import secrets
from pathlib import Path

import jsonschema_rs
import pytest
from prometheus_client.parser import text_string_to_metric_families

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
METRIC = re.compile(r"\bsiyu_[a-z_]+")
PANEL = {
    "type": "object",
    "required": ["id", "type", "title", "gridPos"],
    "properties": {
        "id": {"type": "integer"},
        "type": {"enum": ["row", "stat", "timeseries"]},
        "title": {"type": "string", "minLength": 1},
        "gridPos": {
            "type": "object",
            "required": ["x", "y", "w", "h"],
            "properties": {
                "x": {"type": "integer", "minimum": 0, "maximum": 23},
                "w": {"type": "integer", "minimum": 1, "maximum": 24},
            },
        },
        "targets": {
            "type": "array",
            "items": {"type": "object", "required": ["refId", "expr", "datasource"]},
        },
    },
}
DASHBOARD = {
    "type": "object",
    "required": ["uid", "title", "schemaVersion", "panels", "templating", "time"],
    "properties": {
        "schemaVersion": {"type": "integer", "minimum": 36},
        "panels": {"type": "array", "minItems": 1, "items": PANEL},
    },
}
"""The part of Grafana's dashboard model that a file must keep to be taken in."""


async def told(api):
    """Names of all samples and families that /metrics tells."""
    names, families = set(), {}
    for family in text_string_to_metric_families((await api.get("/metrics")).text):
        families[family.name] = family
        suffixes = {
            "histogram": ("_bucket", "_sum", "_count"),
            "counter": ("_total",),
        }.get(family.type, ("",))
        names |= {family.name + suffix for suffix in suffixes}
    return names, families


def asked_by_the_dashboard():
    panels = json.loads((DEPLOY / "grafana/siyu.json").read_text())["panels"]
    return [target["expr"] for panel in panels for target in panel.get("targets", [])]


def asked_by_the_alerts():
    return re.findall(r"^\s+expr: (.+)$", (DEPLOY / "siyu-alerts.yml").read_text(), re.MULTILINE)


@pytest.mark.parametrize("asked", [asked_by_the_dashboard, asked_by_the_alerts])
async def test_every_metric_that_is_asked_for_is_told(api, asked):
    names, _ = await told(api)
    expressions = asked()
    assert len(expressions) > 10
    missing = {name for one in expressions for name in METRIC.findall(one)} - names
    assert not missing


async def test_every_metric_of_ours_stands_on_the_dashboard(api):
    _, families = await told(api)
    shown = {name for one in asked_by_the_dashboard() for name in METRIC.findall(one)}
    ours = {name for name in families if name.startswith("siyu_") and not name.endswith("_created")}
    assert len(ours) > 25
    unseen = {name for name in ours if not any(one.startswith(name) for one in shown)} - {
        "siyu_program_up"
    }  # the parts' panel shows who is down
    assert not unseen


def test_the_dashboard_is_one_that_grafana_takes_in():
    board = json.loads((DEPLOY / "grafana/siyu.json").read_text())
    jsonschema_rs.validate(DASHBOARD, board)
    ids = [panel["id"] for panel in board["panels"]]
    assert len(set(ids)) == len(ids)
    for panel in board["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24, panel["title"]
        letters = [target["refId"] for target in panel.get("targets", [])]
        assert len(set(letters)) == len(letters)


def test_every_alert_says_what_is_wrong_in_both_languages():
    text = (DEPLOY / "siyu-alerts.yml").read_text()
    alerts = text.split("- alert: ")[1:]
    for one in alerts:
        assert re.search(r'summary: ".+"', one) and re.search(
            r'summary_zh: ".*[\u4e00-\u9fff].*"', one
        )
        assert re.search(r"for: \d+[smh]\n", one) and re.search(r"severity: (page|ticket)", one)
    assert "siyu-alerts.yml" in (DEPLOY / "prometheus.yml").read_text()


async def test_requests_are_counted_by_route_and_status_and_no_address_makes_a_series(api, shop):
    await shop.get(f"/api/shop/products/{secrets.token_hex(8)}")
    before = await _series(api)
    for at in range(30):
        await api.get(f"/nowhere/{secrets.token_hex(8)}")
        await api.get(f"/api/console/jobs/{secrets.token_hex(16)}")
        await shop.get(f"/api/shop/products/{secrets.token_hex(8)}")
        await api.request(f"M{at}{secrets.token_hex(4)}".upper(), "/api/shop/orders")
    after = await _series(api)
    routes = {route for _, route, _ in after}
    assert "GET /api/shop/products/*" in routes
    assert not [route for route in routes if re.search(r"[0-9a-f]{8}", route)]
    assert len(after - before) <= 6
    assert {status for _, _, status in after} <= {"0xx", "2xx", "3xx", "4xx", "5xx"}


async def _series(api):
    _, families = await told(api)
    return {
        (one.labels["door"], one.labels["route"], one.labels["status"])
        for one in families["siyu_http_seconds"].samples
        if one.name == "siyu_http_seconds_count"
    }


async def test_names_carry_their_unit_and_labels_are_few(api):
    _, families = await told(api)
    for name, family in families.items():
        if not name.startswith("siyu_") or name.endswith("_created"):
            continue
        assert not re.search(r"_(ms|s|kb|mb)$", name), name
        assert family.documentation, name
        assert len({tuple(sorted(set(one.labels) - {"le"})) for one in family.samples}) <= 1, name
        assert (
            len(
                {
                    tuple(sorted((k, v) for k, v in one.labels.items() if k != "le"))
                    for one in family.samples
                }
            )
            < 500
        ), name
