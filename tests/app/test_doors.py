"""Which door a host leads to, and what strangers' hosts may cost."""

from typing import Any

from siyu.app.web import _LONGEST_HOST, _MOST_HOSTS, Doors


async def led(doors: Doors, host: bytes) -> dict[str, Any]:
    scope: dict[str, Any] = {"type": "http", "path": "/health/live", "headers": [(b"host", host)]}
    await doors(scope, None, None)
    return scope["state"]


async def test_a_host_leads_to_its_own_door_each_time_it_is_asked(runtime):
    async def nobody(*_: Any) -> None: ...

    doors = Doors(runtime, nobody, runtime)
    shop = runtime.settings.shop("tea").split("://", 1)[1].encode()
    console = runtime.settings.console.split("://", 1)[1].encode()
    for _ in range(2):
        first, second = await led(doors, shop), await led(doors, console)
        assert (first["door"], first["slug"]) == ("shop", "tea")
        assert second["door"] == "console" and "slug" not in second
        stranger = await led(doors, b"tea.example.org")
        assert stranger["door"] == "shop" and "slug" not in stranger


async def test_strange_hosts_take_no_memory_without_end(runtime):
    async def nobody(*_: Any) -> None: ...

    doors = Doors(runtime, nobody, runtime)
    for at in range(_MOST_HOSTS + 50):
        await led(doors, b"h%d.example.org" % at)
        await led(doors, b"x" * (_LONGEST_HOST + 1 + at))
    assert 0 < len(doors._known) <= _MOST_HOSTS
    assert max(map(len, doors._known)) <= _LONGEST_HOST
