"""Refusals: expected answers of «no», with a stable code. Everything else is a bug and crashes.

This file knows nothing of the web: rules raise refusals, ``kernel.http`` renders them once.
"""

from typing import Any, ClassVar


class Refusal(Exception):
    """An expected «no». Subclass it beside the rule that says it.

    ``code`` is stable and dotted (``stock.out_of_stock``); clients show their own text by it.
    ``status`` is the HTTP status; ``facts`` are plain JSON values the reader needs.
    ``detail`` is one English sentence that says what to do.
    """

    code: ClassVar[str]
    status: ClassVar[int] = 409
    detail: str = ""

    def __init__(self, detail: str | None = None, **facts: Any) -> None:
        if detail is not None:
            self.detail = detail
        self.facts = facts
        super().__init__(f"{self.code}: {self.detail} {facts or ''}".strip())


class NotFound(Refusal):
    """The thing does not exist, or not for you: both look the same."""

    code = "http.not_found"
    status = 404
    detail = "There is nothing at this address that you may see."


class NotAllowed(Refusal):
    """The actor lacks the permission; ``facts`` name it."""

    code = "http.not_allowed"
    status = 403
    detail = "Your roles do not allow this. Ask an administrator of the brand."


class NotSignedIn(Refusal):
    """No valid session came with the request."""

    code = "http.not_signed_in"
    status = 401
    detail = "Sign in first."


class Invalid(Refusal):
    """The input is well-formed but says something impossible; ``errors`` lists path and message."""

    code = "http.invalid"
    status = 422
    detail = "Some of the input cannot be accepted; see errors."

    def __init__(
        self, detail: str | None = None, *, errors: list[dict[str, str]] | None = None, **facts: Any
    ) -> None:
        super().__init__(detail, **facts)
        self.errors = errors or []


class TooMany(Refusal):
    """Too many requests; come back after ``retry_after_s``."""

    code = "http.too_many"
    status = 429
    detail = "Too many requests. Wait and try again."


class Busy(Refusal):
    """The server cannot take this now; nothing was done; come back after ``retry_after_s``."""

    code = "http.busy"
    status = 503
    detail = "The service is busy. Nothing was done; try again shortly."
