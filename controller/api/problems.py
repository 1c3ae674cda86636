"""Refusals of the API: problem documents (RFC 9457) with a bounded `reason`, never a traceback."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from campus_wire.errors import CampusError

if TYPE_CHECKING:
    from fastapi import FastAPI, Request

_log: Final = logging.getLogger(__name__)
_MEDIA_TYPE: Final = "application/problem+json"
_ERRORS_MAX: Final = 20

_STATUS_OF_REASON: Final = {
    "device_unknown": HTTPStatus.NOT_FOUND,
    "point_unknown": HTTPStatus.NOT_FOUND,
    "alarm_unknown": HTTPStatus.NOT_FOUND,
    "token_unknown": HTTPStatus.NOT_FOUND,
    "token_name_taken": HTTPStatus.CONFLICT,
    "last_admin": HTTPStatus.CONFLICT,
    "already_acknowledged": HTTPStatus.CONFLICT,
    "read_only": HTTPStatus.CONFLICT,
    "too_many_commands": HTTPStatus.TOO_MANY_REQUESTS,
}


def problem(
    status: int, reason: str, detail: str, *, remedy: str = "", **more: Any
) -> JSONResponse:
    """Return a refusal."""
    body = {"title": HTTPStatus(status).phrase, "status": status, "reason": reason}
    body |= {"detail": detail} | ({"remedy": remedy} if remedy else {}) | more
    headers = {"WWW-Authenticate": "Bearer"} if status == HTTPStatus.UNAUTHORIZED else None
    return JSONResponse(body, status_code=status, media_type=_MEDIA_TYPE, headers=headers)


class ProblemError(HTTPException):
    """A refusal raised inside a route."""

    def __init__(self, status: HTTPStatus, reason: str, detail: str) -> None:
        super().__init__(status, detail)
        self.reason = reason


def not_found(what: str, which: str) -> ProblemError:
    """Return the refusal for something that is not there."""
    return ProblemError(HTTPStatus.NOT_FOUND, f"{what}_unknown", f"there is no {what} {which}")


def install(app: FastAPI) -> None:
    """Turn every error of a route into a problem document."""
    app.add_exception_handler(HTTPException, _of_http)
    app.add_exception_handler(RequestValidationError, _of_validation)
    app.add_exception_handler(CampusError, _of_campus)
    app.add_exception_handler(Exception, _of_anything)


async def _of_http(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    reason = getattr(error, "reason", HTTPStatus(error.status_code).name.lower())
    return problem(error.status_code, reason, str(error.detail))


async def _of_validation(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    found = [
        {"place": ".".join(map(str, one["loc"])), "message": str(one["msg"])[:300]}
        for one in error.errors()[:_ERRORS_MAX]
    ]
    detail = f"{found[0]['place']}: {found[0]['message']}"
    return problem(HTTPStatus.UNPROCESSABLE_ENTITY, "validation", detail, errors=found)


async def _of_campus(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, CampusError)
    fallback = HTTPStatus.SERVICE_UNAVAILABLE if error.transient else HTTPStatus.BAD_REQUEST
    status = _STATUS_OF_REASON.get(error.reason, fallback)
    return problem(status, error.reason, str(error), remedy=error.remedy)


async def _of_anything(request: Request, error: Exception) -> JSONResponse:
    _log.error("the request %s %s failed", request.method, request.url.path, exc_info=error)
    return problem(HTTPStatus.INTERNAL_SERVER_ERROR, "internal", "a fault of the controller")
