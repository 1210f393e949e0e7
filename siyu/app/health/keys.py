"""The folder of keys as a part of the house's health."""

from typing import Any

from siyu.app.health.parts import Part
from siyu.app.keys import OtherKeys, check_keys, learn_brought, months_without_key
from siyu.kernel.db import is_away

_SAYS = {
    "other": {
        "zh-CN": "密钥目录不是这个数据库的：个人信息读不出来。把原来的目录挂回去，或用 SIYU_KEYS 指明。",
        "en": "The folder of keys is not this database's: personal data does not open. Mount it again, or name it with SIYU_KEYS.",
    },
    "months": {
        "zh-CN": "缺少 {months} 的密钥，那些顾客的个人信息读不出来。从保管密钥的地方放回去。",
        "en": "The keys of {months} are missing: personal data wrapped with them does not open. Put them back from where keys are kept safe.",
    },
    "tokens": {
        "zh-CN": "密钥目录里缺少或损坏 {files}：这些从别处迁入的品牌找不到顾客。从保管密钥的地方放回去。",
        "en": "{files} is missing from the folder of keys, or broken: the people of these brands, which moved in, cannot be found. Put it back from where keys are kept safe.",
    },
    "fine": {"zh-CN": "个人信息的密钥都在。", "en": "All keys of personal data are there."},
}


async def look(runtime: Any) -> Part:
    """Whether everybody's personal data can be opened."""
    try:
        async with runtime.database.dispatcher() as connection:
            await check_keys(connection, runtime.keys.folder)
            months = await months_without_key(connection, runtime.keys)
        lost = await learn_brought(runtime.database, runtime.keys)
    except OtherKeys:
        return _part("bad", "other")
    except Exception as error:
        if not is_away(error):
            raise
        return _part("ok", "fine")  # that the database is away is told by its own part
    if lost:
        return _part("bad", "tokens", files=", ".join(f"tokens-{one}.key" for one in lost[:6]))
    return _part("bad", "months", months=", ".join(months[:6])) if months else _part("ok", "fine")


def _part(state: Any, says: str, **facts: object) -> Part:
    return Part("keys", state, {one: text.format(**facts) for one, text in _SAYS[says].items()})
