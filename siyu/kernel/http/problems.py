"""Refusals and failures as problem documents (RFC 9457), rendered in this one place."""

from typing import Any, cast

import asyncpg
import msgspec
import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from siyu.kernel.db import has_ended, is_away, is_given_up
from siyu.kernel.errors import Busy, Invalid, NotFound, Refusal
from siyu.kernel.http.flaws import Flaw, flaw_of, flaws_of
from siyu.kernel.http.surroundings import request_id_of, send_bytes

log = structlog.get_logger("siyu.http")
MEDIA_TYPE = "application/problem+json"
_BY_STATUS = {
    400: "http.malformed",
    401: "http.not_signed_in",
    403: "http.not_allowed",
    404: "http.not_found",
    405: "http.method_not_allowed",
    413: "http.too_large",
    415: "http.unsupported_type",
    429: "http.too_many",
}


class Problem(msgspec.Struct):
    """The body of every answer that is not a success. ``code`` is stable; texts are for developers."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    facts: dict[str, Any]
    request_id: str
    errors: list[Flaw] = []


def problem_of(refusal: Refusal, request_id: str) -> Problem:
    """A refusal as its document."""
    return Problem(
        type=f"urn:siyu:problem:{refusal.code}",
        title=type(refusal).__name__,
        status=refusal.status,
        code=refusal.code,
        detail=refusal.detail,
        facts=refusal.facts,
        request_id=request_id,
        errors=flaws_of(refusal.errors) if isinstance(refusal, Invalid) else [],
    )


def _answer(problem: Problem, headers: dict[str, str] | None = None) -> Response[bytes]:
    return Response(
        msgspec.json.encode(problem),
        status_code=problem.status,
        media_type=MEDIA_TYPE,
        headers=headers or {},
    )


def _headers(refusal: Refusal) -> dict[str, str]:
    seconds = refusal.facts.get("retry_after_s")
    return {"Retry-After": str(seconds)} if seconds is not None else {}


def _refused(request: Request[Any, Any, Any], refusal: Refusal) -> Response[bytes]:
    return _answer(problem_of(refusal, request_id_of(request.scope)), _headers(refusal))


def _http(request: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
    extra = error.extra if isinstance(error.extra, list) else []
    errors = [
        flaw_of(str(one.get("key", "")), str(one.get("message", "")))
        for one in (cast("dict[str, Any]", part) for part in extra if isinstance(part, dict))
    ]
    code = _BY_STATUS.get(
        error.status_code, "http.failed" if error.status_code >= 500 else "http.malformed"
    )
    problem = Problem(
        type=f"urn:siyu:problem:{code}",
        title=type(error).__name__,
        status=error.status_code,
        code=code,
        detail=str(error.detail),
        facts={"validator": _technical(error, errors)} if code == "http.malformed" else {},
        request_id=request_id_of(request.scope),
        errors=errors,
    )
    return _answer(problem, dict(error.headers or {}))


def _technical(error: HTTPException, errors: list[Flaw]) -> str:
    return "; ".join(f"{one.path}: {one.message}" for one in errors) or str(error.detail)


def _malformed(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    return _answer(_malformation(request.scope, error))


def _malformation(scope: Any, error: Exception) -> Problem:
    """What is wrong with a body that cannot be read: its form, its encoding, or its depth."""
    if isinstance(error, RecursionError):
        log.warning("nested too deeply", path=scope["path"], error=str(error))
        said = "The body is nested too deeply."
    elif isinstance(error, UnicodeDecodeError):
        said = f"This is not UTF-8: {error.reason}."
    else:
        said = str(error)
    return Problem(
        "urn:siyu:problem:http.malformed",
        "Malformed",
        400,
        "http.malformed",
        said,
        {"validator": said},
        request_id_of(scope),
        [flaw_of("", said)],
    )


def _out_of_range(request: Request[Any, Any, Any], error: OverflowError) -> Response[bytes]:
    return _refused(request, _overflow(request.scope, error))


def _overflow(scope: Any, error: OverflowError) -> Invalid:
    log.warning("out of range", path=scope["path"], error=str(error))
    return Invalid("A number or a date is out of the range that can be reckoned with.")


def _data_refusal(cause: str) -> Refusal | None:
    """The refusal for a value that PostgreSQL cannot store; ``None`` for any other fault."""
    if (
        "invalid byte sequence" in cause
        or "unsupported Unicode escape" in cause
        or "\\u0000" in cause
    ):
        return Invalid("The text contains a character (NUL) that cannot be stored.")
    if (
        "out of range" in cause
        or "value out of int64 range" in cause
        or "Invalid input for query" in cause
        or "invalid input for query" in cause
        or "DataError" in cause
    ):
        return Invalid("A number or a date is out of the range that can be stored.")
    return None


def _database(request: Request[Any, Any, Any], error: DBAPIError) -> Response[bytes]:
    if refusal := _data_refusal(str(getattr(error, "orig", error))):
        return _refused(request, refusal)
    if error.connection_invalidated:
        return _away(request, error)
    return _failed(request, error)


def database_away() -> Busy:
    """The refusal while the database is away."""
    return Busy(
        "The database is being restarted, and what you asked for may or may not have been done. Try again shortly; "
        "a write with an Idempotency-Key is never done twice.",
        retry_after_s=1,
    )


def is_ended(error: BaseException | None) -> bool:
    """Whether all that is known is that the connection had ended before it was asked; PostgreSQL may well be there."""
    ended = False
    while error is not None:
        state = str(getattr(error, "sqlstate", None) or "")
        if isinstance(error, ConnectionError) or state.startswith(("08", "57P", "53300")):
            return False
        ended = ended or has_ended(error) or state == "25P03"  # said nothing for too long
        inner: Any = getattr(error, "exceptions", None)  # of a group, the first tells enough
        error = error.__cause__ or error.__context__ or (inner[0] if inner else None)
    return ended


def note_away(error: Exception) -> None:
    """Write down what was lost: nothing when it was us who ended the connection because the visitor had left.

    A connection that had ended before it was asked is not a database that is away: PostgreSQL ends one whose
    transaction says nothing for ``IDLE_S``, for example while another engine was waited for.
    """
    if is_given_up(error):
        log.debug("given up", exc_info=error)
    else:
        log.warning(
            "connection had ended" if is_ended(error) else "database away",
            error=f"{type(error).__name__}: {error}"[:300],
        )


def _away(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    note_away(error)
    return _refused(request, database_away())


def _crowded(request: Request[Any, Any, Any], _: PoolTimeoutError) -> Response[bytes]:
    return _refused(request, Busy(retry_after_s=2))


def _failed(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    if is_away(error) or is_given_up(error):
        return _away(request, error)
    if isinstance(error, asyncpg.DataError) and (refusal := _data_refusal(str(error))):
        return _refused(request, refusal)
    log.error("request failed", path=request.scope["path"], exc_info=error)
    return _answer(_failure(request.scope))


def _failure(scope: Any) -> Problem:
    return Problem(
        "urn:siyu:problem:http.failed",
        "Failed",
        500,
        "http.failed",
        "Something is broken on our side; the log has the request id. Look whether it was done before you repeat it: "
        "with the same Idempotency-Key it is never done twice.",
        {},
        request_id_of(scope),
    )


exception_handlers: dict[Any, Any] = {
    Refusal: _refused,
    HTTPException: _http,
    msgspec.ValidationError: _malformed,
    msgspec.DecodeError: _malformed,
    UnicodeDecodeError: _malformed,
    RecursionError: _malformed,
    OverflowError: _out_of_range,
    asyncpg.DataError: _failed,
    DBAPIError: _database,
    PoolTimeoutError: _crowded,
    ConnectionError: _away,
    NotFound: _refused,
    Exception: _failed,
}


async def send_problem(scope: Any, send: Any, refusal: Refusal) -> None:
    """Answer with a refusal from a raw ASGI handler."""
    await _send(send, problem_of(refusal, request_id_of(scope)), _headers(refusal))


async def send_failure(scope: Any, send: Any, error: Exception) -> None:
    """Answer a raw ASGI request that raised, as the framework's requests are answered: 400, 422, 503 or, logged, 500."""
    if is_away(error) or is_given_up(error):
        note_away(error)
        await send_problem(scope, send, database_away())
    elif isinstance(error, asyncpg.DataError) and (refusal := _data_refusal(str(error))):
        await send_problem(scope, send, refusal)
    elif isinstance(error, (msgspec.DecodeError, UnicodeDecodeError, RecursionError)):
        await _send(send, _malformation(scope, error), {})
    elif isinstance(error, OverflowError):
        await send_problem(scope, send, _overflow(scope, error))
    elif isinstance(error, PoolTimeoutError):
        await send_problem(scope, send, Busy(retry_after_s=2))
    else:
        log.error("request failed", path=scope["path"], exc_info=error)
        await _send(send, _failure(scope), {})


async def _send(send: Any, problem: Problem, headers: dict[str, str]) -> None:
    extra = [(key.lower().encode(), value.encode()) for key, value in headers.items()]
    await send_bytes(
        send,
        problem.status,
        msgspec.json.encode(problem),
        content_type=MEDIA_TYPE.encode(),
        headers=extra,
    )
