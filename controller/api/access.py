"""Who may do what: every route but health asks for a bearer token with a role."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from controller import auth
from controller.api.problems import ProblemError
from controller.auth import Principal, Role
from controller.services import Services

_TOKEN_CHARS_MAX = 200
_bearer = HTTPBearer(auto_error=False, description="A token of `campus controller token create`.")


def services(request: Request) -> Services:
    """Return what the controller lends to its API."""
    found: Services = request.app.state.services
    return found


ServicesDep = Annotated[Services, Depends(services)]


def require(role: Role) -> Callable[..., Awaitable[Principal]]:
    """Return a dependency that lets only a principal of `role` or above pass."""

    async def checked(
        have: ServicesDep,
        credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
    ) -> Principal:
        if credentials is None or len(credentials.credentials) > _TOKEN_CHARS_MAX:
            raise _unauthorized("this needs a bearer token")
        token = credentials.credentials
        principal = await have.database.read(lambda connection: auth.find(connection, token))
        if principal is None:
            raise _unauthorized("the token is unknown or revoked")
        if not principal.role.includes(role):
            detail = f"this needs the role {role}; the token {principal.name} has {principal.role}"
            raise ProblemError(HTTPStatus.FORBIDDEN, "role", detail)
        return principal

    return checked


def _unauthorized(detail: str) -> ProblemError:
    return ProblemError(HTTPStatus.UNAUTHORIZED, "token", detail)


viewer = require(Role.VIEWER)
Viewer = Annotated[Principal, Depends(viewer)]
Operator = Annotated[Principal, Depends(require(Role.OPERATOR))]
Admin = Annotated[Principal, Depends(require(Role.ADMIN))]
