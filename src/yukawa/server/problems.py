"""What can go wrong with a request, as one reply: a status, and an error in the form of OpenAI, which our own API uses too."""

import logging
from collections.abc import Mapping
from typing import Any

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse

from yukawa.core import errors
from yukawa.core.redaction import redacted

log = logging.getLogger(__name__)

RETRY_S = 1
"""Seconds after which a client that was turned away may try again."""
_KINDS = {
    400: "invalid_request_error", 401: "authentication_error", 403: "permission_error", 404: "invalid_request_error",
    409: "conflict_error", 429: "rate_limit_error", 502: "model_error", 503: "overloaded_error", 507: "storage_error",
}  # fmt: skip


class Refusal(Exception):
    """A request that is answered with an error.

    Args:
        status: of HTTP.
        message: one line, what came and what is allowed.
        param: the parameter that is wrong, by its dotted name.
        code: a word for programs.
        headers: of the reply.
        more: what else the error says.
    """

    def __init__(
        self, status: int, message: str, *, param: str | None = None, code: str | None = None,
        headers: Mapping[str, str] | None = None, more: Mapping[str, Any] | None = None,
    ) -> None:  # fmt: skip
        super().__init__(message)
        self.status, self.message, self.param, self.code = status, redacted(message), param, code
        self.headers, self.more = dict(headers or {}), dict(more or {})

    def as_json(self) -> dict[str, Any]:
        """The body of the reply."""
        kind = _KINDS.get(self.status, "api_error" if self.status >= 500 else "invalid_request_error")
        error = {"message": self.message, "type": kind, "param": self.param, "code": self.code}
        return {"error": error | self.more}


def busy(message: str, status: int = 503, seconds: int = RETRY_S) -> Refusal:
    """The refusal of a request that may be repeated after some seconds."""
    return Refusal(
        status,
        message,
        code="rate_limit_exceeded" if status == 429 else "busy",
        headers={"retry-after": str(seconds)},
    )


def refusal_of(error: BaseException) -> Refusal:
    """The reply to an error, whatever raised it; what nobody foresaw is logged and shown by its kind alone."""
    if isinstance(error, Refusal):
        return error
    if isinstance(error, RequestValidationError):
        return _invalid(error)
    if isinstance(error, HTTPException):
        return Refusal(error.status_code, str(error.detail), headers=error.headers)
    if isinstance(error, errors.YukawaError):
        return _foreseen(error)
    if isinstance(error, OSError) and not isinstance(error, ConnectionError):
        return Refusal(500, f"the system refused: {error.strerror or type(error).__name__}")
    log.error("a request failed", exc_info=error)
    return Refusal(500, f"this is a bug in Yukawa: {type(error).__name__}; the log has more", code="bug")


def _foreseen(error: errors.YukawaError) -> Refusal:
    """The reply to an error of ours, by its kind."""
    message = str(error)
    if isinstance(error, errors.StoreError):
        if "disk" in error.message or "quota" in error.message:
            return Refusal(507, message, code="storage_full")
        return busy(message, seconds=5)  # locked, cannot be reached: nothing was changed
    if isinstance(error, errors.ModelError):
        return Refusal(
            502, message, code="model_failed", more={"hint": "the model 'yukawa/quote' needs no model"}
        )
    statuses: tuple[tuple[type[errors.YukawaError], int, str], ...] = (
        (errors.NotFound, 404, "not_found"), (errors.Changed, 409, "changed"), (errors.MissingPackage, 501, "not_installed"),
        (errors.InputError, 400, "invalid"),
    )  # fmt: skip
    for kind, status, code in statuses:
        if isinstance(error, kind):
            return Refusal(status, message, code=code)
    return Refusal(500, message)


def _invalid(error: RequestValidationError) -> Refusal:
    """The first of the mistakes that the schema found, in a sentence."""
    first = error.errors()[0]
    steps = [str(step) for step in first["loc"][1:]]
    name = ".".join(steps)
    if first["type"] == "missing":
        said = f"{name or 'the body'} is missing"
    elif first["type"] == "extra_forbidden":
        said = f"unknown parameter {name!r}"
    else:
        reason = str(first["msg"]).removeprefix("Value error, ")
        said = f"{name or 'the body'}: {reason[:1].lower()}{reason[1:]}"
    return Refusal(400, said, param=name or None, code="invalid")


def reply(error: BaseException) -> JSONResponse:
    """The response to an error."""
    refusal = refusal_of(error)
    return JSONResponse(refusal.as_json(), refusal.status, refusal.headers)


async def handle(_: Request, error: Exception) -> JSONResponse:
    """The handler of every exception of a route."""
    return reply(error)
