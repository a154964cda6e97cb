"""Every error as application/problem+json (RFC 9457): what is wrong, where, and what to do about it.

    {"type": "urn:learnloop:problem:bad-input", "title": "Unprocessable Entity", "status": 422,
     "detail": "1 field is wrong: events[3].score", "errors": [{"in": "body", "field": "events[3].score",
     "pointer": "#/3/score", "message": "Input should be less than or equal to 1"}]}

What the reader sent is never repeated (it may hold secrets or be long), nor is anything of our insides told.
"""

import http
import logging
from collections.abc import Mapping, Sequence
from typing import Any

import psycopg
import sqlalchemy as sa
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from learnloop import errors

log = logging.getLogger("learnloop.serve")

SHOWN_ERRORS = 50
TAGS = ("one", "many")  # pydantic's names for the two shapes of a body, which the sender does not know
RETRY = {"Retry-After": "5"}
BODILESS = ("GET", "HEAD", "DELETE")

Location = Sequence[str | int]


class ProblemJson(JSONResponse):
    media_type = "application/problem+json"


class FieldError(BaseModel):
    """One thing wrong with the request."""

    model_config = ConfigDict(populate_by_name=True, serialize_by_alias=True)
    where: str = Field(alias="in", examples=["body"], description="body, query, path or header")
    field: str = Field(examples=["events[3].score"])
    pointer: str | None = Field(None, examples=["#/3/score"], description="JSON Pointer into the body")
    message: str = Field(examples=["Input should be less than or equal to 1"])


class Problem(BaseModel):
    """RFC 9457 problem details."""

    type: str = Field(examples=["urn:learnloop:problem:bad-input"])
    title: str = Field(examples=["Unprocessable Entity"])
    status: int = Field(examples=[422])
    detail: str = Field(examples=["1 field is wrong: events[3].score"])
    next_step: str | None = Field(None, description="A command or an action that mends it")
    errors: list[FieldError] | None = None


class Refusal(Exception):
    """An answer other than success, raised by a route. `errors`: (location, message) pairs."""

    def __init__(
        self,
        status: int,
        kind: str,
        detail: str,
        next_step: str = "",
        errors: Sequence[tuple[Location, str]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status, self.kind, self.detail, self.next_step = status, kind, detail, next_step
        self.errors, self.headers = errors, headers


def field_error(location: Location, message: str) -> dict[str, Any]:
    """('body', 3, 'learner', 'id') is the field events[3].learner.id, at #/3/learner/id of the body."""
    where, *path = location
    if path and path[0] in TAGS:
        path = path[1:]
    name = ""
    for part in path:
        name += f"[{part}]" if isinstance(part, int) else f".{part}" if name else str(part)
    if name.startswith("["):
        name = f"events{name}"
    found = {"in": str(where), "field": name or str(where), "message": message}
    if where == "body":
        parts = (str(part).replace("~", "~0").replace("/", "~1") for part in path)
        found["pointer"] = "#" + "".join(f"/{part}" for part in parts)
    return found


def wrong_fields(found: Sequence[tuple[Location, str]]) -> Refusal:
    return Refusal(422, "bad-input", "", errors=found)


def respond(refusal: Refusal) -> ProblemJson:
    body: dict[str, Any] = {
        "type": f"urn:learnloop:problem:{refusal.kind}",
        "title": http.HTTPStatus(refusal.status).phrase,
        "status": refusal.status,
        "detail": refusal.detail,
    }
    if refusal.errors:
        shown = [field_error(*error) for error in refusal.errors[:SHOWN_ERRORS]]
        body["errors"] = shown
        count = len(refusal.errors)
        wrong = f"{count} fields are wrong, the first is" if count > 1 else "1 field is wrong:"
        body["detail"] = refusal.detail or f"{wrong} {shown[0]['field']}: {shown[0]['message']}"
    if refusal.next_step:
        body["next_step"] = refusal.next_step
        body["detail"] = f"{refusal.detail.rstrip('.')}. Try: {refusal.next_step}"
    return ProblemJson(body, refusal.status, headers=dict(refusal.headers or {}))


def of_error(error: errors.LearnloopError, where: str = "body") -> Refusal:
    """Our own errors by class. Where a message may name files or servers of ours, a plainer one is told.

    where: the part of the request that the field of a BadInput was in.
    """
    match error:
        case errors.BadInput():
            found = [((where, error.field), error.problem)] if error.field else []
            return Refusal(422, "bad-input", error.problem, error.next_step, found)
        case errors.UnknownThing():
            return Refusal(404, "unknown", error.problem)
        case errors.NothingToDo():
            return Refusal(503, "not-released", error.problem, error.next_step, headers=RETRY)
        case errors.ModelUnavailable():
            return Refusal(503, "no-model", "the release cannot be loaded", error.next_step, headers=RETRY)
        case errors.DatabaseUnavailable():
            return Refusal(
                503, "no-database", "the database does not answer", "learnloop doctor", headers=RETRY
            )
        case errors.ChecksFailed():
            return Refusal(409, "checks-failed", error.problem, error.next_step)
    return Refusal(500, "internal", "something went wrong on our side; the log says what")


def of_validation(error: RequestValidationError, content_type: str) -> Refusal:
    found = error.errors()
    if any(one["type"] == "json_invalid" for one in found):
        one = found[0]
        return Refusal(
            400, "not-json", f"the body is not JSON: {one['ctx']['error']} at position {one['loc'][-1]}"
        )
    in_body = any(one["loc"][0] == "body" for one in found)
    if in_body and content_type.partition(";")[0].strip().lower() != "application/json":
        return Refusal(415, "not-json", "send the body as Content-Type: application/json")
    return wrong_fields([(tuple(one["loc"]), _message(one)) for one in found])


def _message(error: Mapping[str, Any]) -> str:
    if error["type"] == "extra_forbidden":
        return "there is no such field"
    if error["type"] == "missing":
        return "this field is required"
    return str(error["msg"]).removeprefix("Value error, ")


def of_database(error: sa.exc.SQLAlchemyError) -> Refusal:
    cause = getattr(error, "orig", None)
    if isinstance(cause, psycopg.errors.DataError):
        return Refusal(422, "bad-input", "the database refuses a value")
    gone = (sa.exc.OperationalError, sa.exc.InterfaceError, sa.exc.TimeoutError)
    if isinstance(error, gone) or getattr(error, "connection_invalidated", False):
        return of_error(errors.DatabaseUnavailable("the database does not answer"))
    return of_error(errors.LearnloopError("unexpected"))


def _part(request: Request, field: str) -> str:
    """Where in a request a field was, or would have been: path, query or body."""
    if field in request.path_params:
        return "path"
    return "query" if field in request.query_params or request.method in BODILESS else "body"


def install(app: FastAPI) -> None:
    """Every error this application can give leaves through one of these."""

    @app.exception_handler(Refusal)
    async def refused(request: Request, error: Refusal) -> ProblemJson:
        return respond(error)

    @app.exception_handler(errors.LearnloopError)
    async def ours(request: Request, error: errors.LearnloopError) -> ProblemJson:
        refusal = of_error(error, _part(request, getattr(error, "field", "")))
        if refusal.status >= 500 and refusal.kind != "not-released":
            log.error("%s: %s", type(error).__name__, error)
        return respond(refusal)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> ProblemJson:
        return respond(of_validation(error, request.headers.get("content-type", "")))

    @app.exception_handler(HTTPException)
    async def http_error(request: Request, error: HTTPException) -> ProblemJson:
        kinds = {400: "not-json", 404: "unknown", 405: "wrong-method"}
        details = {
            400: "the body cannot be read as JSON",
            404: "there is nothing at this address",
            405: f"this address does not take {request.method}",
        }
        detail = details.get(error.status_code, str(error.detail))
        kind = kinds.get(error.status_code, "refused")
        return respond(Refusal(error.status_code, kind, detail, headers=error.headers))

    @app.exception_handler(sa.exc.SQLAlchemyError)
    async def database(request: Request, error: sa.exc.SQLAlchemyError) -> ProblemJson:
        refusal = of_database(error)
        # The statement and its values stay out of the log: they are learners' data.
        log.error(
            "%s in the database (%s)", type(error).__name__, type(getattr(error, "orig", None)).__name__
        )
        return respond(refusal)

    @app.exception_handler(Exception)
    async def unexpected(request: Request, error: Exception) -> ProblemJson:
        return respond(of_error(errors.LearnloopError("unexpected")))


ANSWERS: dict[int | str, dict[str, Any]] = {
    status: {
        "model": Problem,
        "description": description,
        "content": {"application/problem+json": {}},
    }
    for status, description in (
        (401, "No key, or not a good one"),
        (403, "The key's role may not do this"),
        (422, "A field is wrong; `errors` names it"),
        (503, "No database or no release yet; `detail` says what to do"),
    )
}
