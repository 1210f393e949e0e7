"""Whatever comes in at any door, as anybody: no failure of ours, and answers as the document says."""

import asyncio
from typing import Any

import pytest

from siyu.app.web import document
from tests.app.estate import Estate
from tests.app.fuzz import Judge, Person, fuzz, holding, operations
from tests.conftest import sign_in

WHO = ("owner", "shopper", "nobody")
OWN = {"owner": "/api/console/", "shopper": "/api/shop/"}


@pytest.fixture(scope="module")
def judge() -> Judge:
    return Judge(document())


async def person(who: str, app: Any, estate: Estate) -> Person:
    """Somebody with a session of their own, so that they may sign out."""
    client = None
    if who == "owner":
        client = await sign_in(app, estate.brand)
    elif who == "shopper":
        client = (await estate.stall.shopper()).http
    return holding(app, client, estate.brand.host)


async def everything_asked(
    who: str, app: Any, estate: Estate, judge: Judge, *, examples: int, repeatable: bool
) -> list[str]:
    """Ask every operation as somebody; at the doors that are not theirs, and as nobody, three times less."""
    asker = await person(who, app, estate)

    async def ask(path: str, method: str, url: str, **more: Any) -> str:
        return judge.complaint(path, await asker.send(method, url, **more))

    wrong: list[str] = []
    loop = asyncio.get_running_loop()
    for operation in operations(judge.document):
        many = examples if operation.path.startswith(OWN.get(who, "-")) else max(1, examples // 3)
        wrong += await asyncio.to_thread(
            fuzz, operation, estate, ask, loop, examples=many, repeatable=repeatable
        )
    return wrong


@pytest.mark.parametrize("who", WHO)
async def test_generated_requests_are_answered_as_the_document_says(who, app, ours, judge):
    wrong = await everything_asked(who, app, ours, judge, examples=4, repeatable=True)
    assert not wrong, f"{len(wrong)}\n" + "\n".join(wrong[:200])


@pytest.mark.soak
@pytest.mark.parametrize("who", WHO)
async def test_many_more_generated_requests_are_answered_as_the_document_says(
    who, app, ours, judge
):
    wrong = await everything_asked(who, app, ours, judge, examples=100, repeatable=False)
    assert not wrong, f"{len(wrong)}\n" + "\n".join(wrong[:200])
