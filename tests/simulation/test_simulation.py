"""Worlds of chance in a real house: whatever happens to its processes, people get what they were told."""

import asyncio
import concurrent.futures
import multiprocessing
import os
import tempfile
from pathlib import Path

import pytest

from siyu.app.simulate import simulate
from tests.simulation.house import settings_of_a_clone, told

SEEDS = int(os.environ.get("SIYU_SIMULATION_SEEDS", "500"))
DAYS = int(os.environ.get("SIYU_SIMULATION_DAYS", "30"))


@pytest.mark.parametrize("seed", range(1, 21))
async def test_a_week_of_chance_and_crashes_loses_and_doubles_nothing(
    seed, server_url, clickhouse_url, tmp_path, record_property
):
    async with settings_of_a_clone(server_url, clickhouse_url, tmp_path) as settings:
        report = await simulate(settings, seed, 7, shoppers=4)
    record_property("simulated", {**report.figures, **report.deaths, "seconds": report.seconds})
    assert not report.findings, told(report)
    assert report.figures["orders"] > 3 and report.figures["payments"]
    assert sum(report.deaths.values()) > 2, "a week without trouble proves little"


async def test_the_same_seed_lives_the_same_days_again(server_url, clickhouse_url, tmp_path):
    prints = []
    for run in ("first", "again"):
        async with settings_of_a_clone(server_url, clickhouse_url, tmp_path / run) as settings:
            report = await simulate(settings, 77, 3)
        assert not report.findings, told(report)
        prints.append((report.fingerprint, report.figures, report.acts))
    assert prints[0] == prints[1]


async def _one(seed: int, server_url: str, clickhouse_url: str) -> tuple[int, str, float]:
    with tempfile.TemporaryDirectory() as home:
        async with settings_of_a_clone(server_url, clickhouse_url, Path(home)) as settings:
            report = await simulate(settings, seed, DAYS)
    return seed, told(report) if report.findings else "", report.seconds


def _in_a_process(seed: int, server_url: str, clickhouse_url: str) -> tuple[int, str, float]:
    return asyncio.run(_one(seed, server_url, clickhouse_url))


@pytest.mark.soak
async def test_hundreds_of_months_lose_and_double_nothing(server_url, clickhouse_url, capsys):
    failed, done = [], 0
    fresh = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(os.cpu_count(), mp_context=fresh) as processes:
        runs = [
            processes.submit(_in_a_process, seed, server_url, clickhouse_url)
            for seed in range(1, SEEDS + 1)
        ]
        for run in concurrent.futures.as_completed(runs):
            seed, why, seconds = run.result()
            done += 1
            failed += [why] if why else []
            with capsys.disabled():
                verdict = f"FAILED\n{why}" if why else "ok"
                print(
                    f"{done}/{SEEDS} seed {seed}: {DAYS} days in {seconds:.0f} s, {verdict}",
                    flush=True,
                )
    assert not failed, "\n\n".join(failed[:5])
