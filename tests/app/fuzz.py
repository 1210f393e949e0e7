"""Sending requests that nobody sends on purpose, and judging the answers by the document.

An answer is sound when it is no failure of ours, has a status and a content type that the document names, and a body
of the schema that stands there; refusals are whole problem documents.
"""

import asyncio
import copy
import json
import re
from collections.abc import Callable, Coroutine
from typing import Any

import httpx
import jsonschema_rs
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from siyu.app.openapi.structs import PREFIX
from tests.app.asking import KINDS
from tests.app.estate import Estate

SETTINGS: dict[str, Any] = {
    "database": None,
    "deadline": None,
    "suppress_health_check": list(HealthCheck),
    "phases": [Phase.explicit, Phase.generate],
}


class Judge:
    """Knows what every operation may answer."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document
        self._components = document["components"]
        self._validators: dict[str, Any] = {}
        self._templates = [
            (re.compile(re.sub(r"\\\{\w+\\\}", "[^/]*", re.escape(path))), path)
            for path in sorted(document["paths"], key=lambda path: path.count("{"))
        ]

    def complaint(self, path: str, answer: httpx.Response) -> str:
        """What is wrong with an answer to an operation of the document, named by its path; empty when it is sound."""
        operation = self.document["paths"][path].get(answer.request.method.lower(), {})
        status = str(answer.status_code)
        if status.startswith("5") and status != "503":
            return f"{status} {answer.text[:200]}"
        said = operation.get("responses", {}).get(status)
        if said is None and status < "400":
            return f"status {status} is not in the document"
        if said is None or (
            status >= "400" and "application/problem+json" in said.get("content", {})
        ):
            return self._problem(answer)
        content = said.get("content")
        if not content:
            return "" if not answer.content else "a body where the document has none"
        ((kind, inner),) = content.items()
        if answer.headers["content-type"].partition(";")[0] != kind:
            return f"content type {answer.headers['content-type']}, not {kind}"
        if kind != "application/json":
            return ""
        return self._flaws(inner["schema"], answer.json())

    def complaint_anywhere(self, answer: httpx.Response) -> str:
        """The same for any address: outside the document only refusals are sound."""
        path = answer.request.url.raw_path.decode().partition("?")[0]
        for template, name in self._templates:
            if (
                template.fullmatch(path)
                and answer.request.method.lower() in self.document["paths"][name]
            ):
                return self.complaint(name, answer)
        return "" if answer.status_code == 405 else self._problem(answer)

    def _problem(self, answer: httpx.Response) -> str:
        if answer.headers.get("content-type") != "application/problem+json":
            return f"{answer.status_code} that is no problem document: {answer.text[:200]}"
        return self._flaws({"$ref": f"{PREFIX}Problem"}, answer.json())

    def _flaws(self, schema: dict[str, Any], value: Any) -> str:
        key = json.dumps(schema)
        if key not in self._validators:
            self._validators[key] = jsonschema_rs.validator_for(
                {**schema, "components": self._components}, validate_formats=True
            )
        flaw = next(self._validators[key].iter_errors(value), None)
        return f"{flaw.instance_path}: {flaw.message}"[:400] if flaw else ""


class Person:
    """Somebody who asks: what they hold, and under which hosts they ask."""

    def __init__(self, transport: httpx.ASGITransport, headers: dict[str, str], shop: str) -> None:
        self._transport, self._headers, self._shop = transport, headers, shop

    async def send(
        self,
        method: str,
        url: str,
        *,
        headers: dict[str, Any] | None = None,
        content: bytes | None = None,
        **more: Any,
    ) -> httpx.Response:
        """Ask at the door that the path belongs to."""
        host = "localhost"
        if url.startswith(("/api/shop/", "/l/")):
            host = self._shop
        elif url.startswith("/media/"):
            host = "media.localhost"
        sent = {**self._headers, **(headers or {})}
        async with httpx.AsyncClient(
            transport=self._transport, base_url=f"http://{host}", timeout=60
        ) as client:
            return await client.request(method, url, headers=sent, content=content, **more)


def holding(app: Any, client: httpx.AsyncClient | None, shop: str) -> Person:
    """Somebody with the credentials of a signed-in client; without one: nobody."""
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    headers: dict[str, str] = {}
    if client is not None:
        for name in ("x-csrf-token", "authorization"):
            if name in client.headers:
                headers[name] = client.headers[name]
        if client.cookies:
            headers["cookie"] = "; ".join(f"{k}={v}" for k, v in client.cookies.items())
    return Person(transport, headers, shop)


def operations(document: dict[str, Any]) -> list[Any]:
    """The operations of a document as schemathesis reads them, signing out last; credentials are ours to send."""
    plain = copy.deepcopy(document)
    del plain["components"]["securitySchemes"]
    for item in plain["paths"].values():
        for operation in item.values():
            operation.pop("security", None)
    found = [result.ok() for result in schemathesis.openapi.from_dict(plain).get_all_operations()]
    return sorted(found, key=lambda one: one.definition.raw["operationId"].endswith("end_session"))


def request_of(case: Any, estate: Estate, *, real: bool) -> tuple[str, str, dict[str, Any]]:
    """A generated case as method, address and the rest; ``real``: with ids that exist."""
    if real:
        case.path_parameters = {
            name: estate.ids.get(KINDS.get(name, ""), estate.ids.get(name, value))
            for name, value in (case.path_parameters or {}).items()
        }
    asked = case.as_transport_kwargs(base_url="http://x")
    more: dict[str, Any] = {"params": asked.get("params")}
    headers: dict[str, Any] = {
        name: str(value).encode("latin-1", "replace")
        for name, value in (case.headers or {}).items()
    }
    if "json" in asked:
        body = with_real_ids(asked["json"], estate) if real else asked["json"]
        more["content"] = json.dumps(body).encode()
        headers["content-type"] = "application/json"
    elif isinstance(asked.get("data"), bytes | str):
        data = asked["data"]
        more["content"] = data.encode("utf-8", "replace") if isinstance(data, str) else data
        headers["content-type"] = case.media_type or "application/json"
    elif asked.get("files"):
        more["files"] = [
            (name, (file, content if isinstance(content, bytes) else str(content)))
            for name, (file, content, *_) in asked["files"]
        ]
    return case.method, asked["url"].removeprefix("http://x"), {**more, "headers": headers}


def with_real_ids(value: Any, estate: Estate, name: str = "") -> Any:
    """The same body with ids that exist wherever a member's name says of what kind."""
    if isinstance(value, dict):
        return {key: with_real_ids(one, estate, key) for key, one in value.items()}
    if isinstance(value, list):
        return [with_real_ids(one, estate, f"{name}[]") for one in value]
    return estate.ids.get(KINDS.get(name, ""), value) if isinstance(value, str) else value


def fuzz(
    operation: Any,
    estate: Estate,
    ask: Callable[..., Coroutine[Any, Any, str]],
    loop: asyncio.AbstractEventLoop,
    *,
    examples: int,
    repeatable: bool,
) -> list[str]:
    """Ask an operation with generated requests, from another thread than the loop's; what was wrong with the answers."""
    wrong: list[str] = []

    @settings(**SETTINGS, max_examples=examples, derandomize=repeatable)
    @given(
        case=st.one_of(
            operation.as_strategy(),
            operation.as_strategy(generation_mode=schemathesis.GenerationMode.NEGATIVE),
        )
        if _refusable(operation)
        else operation.as_strategy(),
        real=st.booleans(),
    )
    def run(case: Any, real: bool) -> None:
        method, url, more = request_of(case, estate, real=real)
        coroutine = ask(operation.path, method, url, **more)
        complaint = asyncio.run_coroutine_threadsafe(coroutine, loop).result(60)
        if complaint:
            wrong.append(f"{method} {url} {str(more)[:300]} → {complaint}")

    run()
    return wrong


def _refusable(operation: Any) -> bool:
    """Whether there is anything that a request could get wrong."""
    raw = operation.definition.raw
    kinds = [one["schema"] for one in raw.get("parameters", ()) if one["in"] in ("query", "path")]
    return "requestBody" in raw or any(kind != {"type": "string"} for kind in kinds)
