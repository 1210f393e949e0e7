"""From what signing in answers nobody learns which names exist."""

import asyncio

import pytest
from sqlalchemy import event

from tests.conftest import client_for

SESSION = "/api/console/session"


def plain(answer):
    body = answer.json()
    body.pop("request_id")
    if "retry_after_s" in body["facts"]:
        assert 0 < body["facts"].pop("retry_after_s") <= 901
    headers = {
        name: value
        for name, value in answer.headers.items()
        if name not in ("x-request-id", "retry-after", "content-length")
    }
    return answer.status_code, body, headers


async def test_a_locked_name_says_the_same_whether_it_exists_or_not(app, brand):
    async with client_for(app, "localhost") as client:
        seen = {}
        for login in (brand.owner_login, f"nobody.{brand.slug}"):
            answers = await asyncio.gather(
                *(
                    client.post(SESSION, json={"login": login, "password": "guess"})
                    for _ in range(12)
                )
            )
            seen[login] = sorted((plain(one) for one in answers), key=lambda one: one[0])
            last = await client.post(
                SESSION, json={"login": login, "password": brand.owner_password}
            )
            seen[login].append(plain(last))
    known, unknown = seen.values()
    assert known == unknown
    assert [one[0] for one in known] == [401] * 10 + [429] * 3


@pytest.fixture
def statements(runtime):
    """What the process asks the database through its sessions, in order."""
    asked: list[str] = []

    def note(_connection, _cursor, statement, *_):
        asked.append(statement)

    engine = runtime.database._engine.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    yield asked
    event.remove(engine, "before_cursor_execute", note)


async def test_an_unknown_name_costs_the_database_as_much_as_a_known_one(api, brand, statements):
    costs = []
    for login in (brand.owner_login, f"nobody.{brand.slug}"):
        statements.clear()
        answer = await api.post(SESSION, json={"login": login, "password": "wrong"})
        assert answer.status_code == 401
        costs.append(list(statements))
    assert costs[0] == costs[1] and len(costs[0]) >= 2
