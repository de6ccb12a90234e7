"""The one place where errors become answers: RFC 9457 problem details for programs, a page for people."""

from __future__ import annotations

import errno
import json
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse
from sqlalchemy.exc import DataError, IntegrityError
from starlette.exceptions import HTTPException

from app.parts import parts_of
from app.web import cookies
from app.web.attempts import whose
from app.web.bodies import MAX_BODY_BYTES
from app.web.cookies import SESSION_COOKIE
from app.web.doors import is_behind
from app.web.fields import NOT_A_TEXT, in_one_sentence, wrong_fields
from app.web.headers import HEADERS, https_alone
from app.web.kiosk import START
from app.web.rendering import render, wants_page
from app.web.translation import N_, Phrase, Translator, translator_for
from app.words import FOR_TELLERS, TITLES, WORDS, say
from app.words_for_programs import FOR_PROGRAMS
from models import errors
from storage.database import is_there_already

log = structlog.get_logger()

STATUSES: dict[type[errors.StoryError], int] = {
    errors.NotFound: 404,
    errors.Gone: 410,
    errors.NotAllowed: 403,
    errors.NotSignedIn: 401,
    errors.Conflict: 409,
    errors.Invalid: 422,
    errors.Malformed: 400,
    errors.WrongVersion: 412,
    errors.WrongKind: 415,
    errors.InUse: 423,
    # Of the tus protocol, as 412 and 423 are here.
    errors.Damaged: 460,
    errors.TooLarge: 413,
    errors.TooMany: 429,
    errors.Unavailable: 503,
    errors.NoSpace: 507,
    errors.UnusableRecording: 422,
    errors.StageFailed: 500,
    errors.PictureUnreadable: 500,
    errors.WorkCancelled: 409,
}
# What this machine says when a disk of its own cannot keep something, or it can open no more files: try again later.
DISKS = {
    errno.ENOSPC: (507, "disk-nearly-full"),
    errno.EDQUOT: (507, "disk-nearly-full"),
    **dict.fromkeys((errno.EIO, errno.EROFS, errno.EMFILE, errno.ENFILE), (503, "unavailable")),
}
RETRY_AFTER_SECONDS = {423: 2, 429: 60, 503: 30, 507: 300}
PROBLEM = "application/problem+json"
NOTED = frozenset({403, 429})
TEXT_UNFIT = N_("a text is too long, or holds a NUL character")
# Where a person is led instead of being told why not: that page says why they are there.
LEADS_TO = {"second-factor-missing": "/account/second-factor?led=yes", "kiosk-closed": f"{START}?led=yes"}
# What a teller is told where a code has no words for them.
TO_TELLERS = {404: "not-found", 405: "not-found", 422: "form-incomplete", 503: "unavailable"}


def install(app: FastAPI) -> None:
    """Let every error of the application be answered here, and list them all at the address that they name."""

    @app.get("/problems", include_in_schema=False)
    def problems(request: Request) -> Response:
        return render(request, "problems.html", words=sorted(WORDS.items()), in_english=FOR_PROGRAMS)

    @app.exception_handler(errors.StoryError)
    async def refused(request: Request, error: errors.StoryError) -> Response:
        note_refusal(request, status_of(error), error.code)
        if error.code in LEADS_TO and wants_page(request):
            return RedirectResponse(LEADS_TO[error.code], 303)
        return answer(request, status_of(error), error.code, dict(error.parameters))

    @app.exception_handler(RequestValidationError)
    async def misread(request: Request, error: RequestValidationError) -> Response:
        # The first part of a place is whether it was in the body, the address or the headers.
        wrong = wrong_fields({**each, "loc": each["loc"][1:]} for each in error.errors())
        members = [{"at": each.at, "says": str(each.says)} for each in wrong]
        return answer(request, 422, "invalid", {"reason": in_one_sentence(wrong)}, errors=members)

    @app.exception_handler(HTTPException)
    async def not_routed(request: Request, error: HTTPException) -> Response:
        code = {404: "not-found", 413: "body-too-large"}.get(error.status_code, "invalid")
        parameters: dict[str, object] = {"reason": HTTPStatus(error.status_code).phrase}
        if code == "body-too-large":
            parameters["limit_bytes"] = MAX_BODY_BYTES
        response = answer(request, error.status_code, code, parameters)
        response.headers.update(error.headers or {})
        return response

    @app.exception_handler(DataError)
    async def not_kept(request: Request, error: DataError) -> Response:
        # PostgreSQL takes no NUL in a text, and no text that is longer than its column.
        return answer(request, 422, "invalid", {"reason": Phrase(TEXT_UNFIT)})

    @app.exception_handler(IntegrityError)
    async def kept_before(request: Request, error: IntegrityError) -> Response:
        if not is_there_already(error):
            raise error
        # Both looked whether there was one, and both found none: the second is told so when it looks again.
        return answer(request, 409, "changed-meanwhile", {})

    @app.exception_handler(UnicodeEncodeError)
    async def not_written_down(request: Request, error: UnicodeEncodeError) -> Response:
        # Half a character, which neither a database nor an answer can hold.
        return answer(request, 422, "invalid", {"reason": Phrase(NOT_A_TEXT)})

    @app.exception_handler(OSError)
    async def not_written(request: Request, error: OSError) -> Response:
        if error.errno not in DISKS:
            raise error
        log.error("disk failed", error=errno.errorcode[error.errno])
        status, code = DISKS[error.errno]
        return answer(request, status, code, {})

    @app.exception_handler(Exception)
    async def failed(request: Request, error: Exception) -> Response:
        log.error("request failed", route=_pattern(request), error=type(error).__name__, exc_info=error)
        response = answer(request, 500, "internal", {})
        # This one is answered outside of every middleware (starlette.middleware.errors).
        response.headers.update(HEADERS | https_alone(request.app.state.parts.settings))
        return response


def note_refusal(request: Request, status: int, code: str) -> None:
    """What somebody was not allowed, or tried too often, goes into the log: who, from where, at which route."""
    if status in NOTED:
        principal = getattr(request.state, "principal", None)
        who = principal.account_id if principal else None
        log.warning(
            "refused", status=status, code=code, account=who, address=whose(request), route=_pattern(request)
        )


def _pattern(request: Request) -> str | None:
    # The path's pattern, not the path: an address may carry a token.
    return getattr(request.scope.get("route"), "path", None)


def status_of(error: errors.StoryError) -> int:
    """The HTTP status of a domain error: that of its class."""
    return next((STATUSES[kind] for kind in type(error).__mro__ if kind in STATUSES), 500)


def answer(
    request: Request, status: int, code: str, parameters: dict[str, object], **members: object
) -> Response:
    """A problem as a page or as problem details, with when to try again where that helps."""
    title = TITLES.get(status) or HTTPStatus(status).phrase
    response: Response
    if wants_page(request) and is_behind(request):
        response = _say_to_teller(request, status, code, parameters)
    elif wants_page(request):
        response = _say_to_person(request, status, title, code, parameters)
    else:
        translator = None if code in FOR_PROGRAMS else _for_script(request)
        body = {
            "type": f"/problems#{code}",
            "title": title,
            "status": status,
            "detail": say(code, parameters, translator),
            "code": code,
        }
        response = _Writable(body | _shown(parameters) | members, status, media_type=PROBLEM)
        response.headers["Content-Language"] = translator.language if translator else "en"
    return _with_headers(response, status, parameters)


def ask_again(request: Request, error: errors.StoryError, template: str, *, at: str, **kept: Any) -> Response:
    """The form that was refused, with what is wrong in the field ``at`` and what else was written there, but no secret.

    Programs are answered as ever.
    """
    if not wants_page(request):
        raise error
    status, translator = status_of(error), translator_for(request)
    note_refusal(request, status, error.code)
    says = say(error.code, dict(error.parameters), translator)
    response = render(request, template, status=status, translator=translator, errors={at: says}, **kept)
    return _with_headers(response, status, dict(error.parameters))


def _with_headers(response: Response, status: int, parameters: dict[str, object]) -> Response:
    """What every refusal says in its headers, as when to try again."""
    if status in RETRY_AFTER_SECONDS:
        seconds = parameters.get("retry_after_seconds", RETRY_AFTER_SECONDS[status])
        response.headers["Retry-After"] = str(seconds)
    if status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    response.headers["Cache-Control"] = "no-store"
    return response


def _for_script(request: Request) -> Translator | None:
    """The language of a person whose page asks for them, as that for recording does; None: a program asks."""
    settings = parts_of(request).settings
    is_page = "authorization" not in request.headers and cookies.value_of(request, SESSION_COOKIE, settings)
    translator = translator_for(request) if is_page else None
    # In English the API says its own names.
    return None if translator is None or translator.language == "en" else translator


class _Writable(JSONResponse):
    """With what was sent in it, which may hold half a character: that is shown as a question mark."""

    def render(self, content: Any) -> bytes:
        return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def _say_to_person(
    request: Request, status: int, title: str, code: str, parameters: dict[str, object]
) -> Response:
    """A problem in the reader's language, where it is one that pages say."""
    translator = translator_for(request)
    shown: dict[str, Any] = {
        "status": status,
        "title": translator(title),
        "detail": say(code, parameters, translator),
        "is_english": code in FOR_PROGRAMS,
    }
    return render(request, "problem.html", translator=translator, **shown)


def _say_to_teller(request: Request, status: int, code: str, parameters: dict[str, object]) -> Response:
    """A problem in a teller's language; what led nowhere is said in the same words, whatever it was."""
    translator = translator_for(request)
    return render(
        request,
        "teller-problem.html",
        translator=translator,
        status=status,
        detail=say(
            code if code in FOR_TELLERS else TO_TELLERS.get(status, "internal"), parameters, translator
        ),
        is_unopened=status == 401 or code == "private-link-unknown",
        is_gone=status == 410,
    )


def _shown(parameters: dict[str, object]) -> dict[str, object]:
    plain = (str, int, float, bool, list, dict, type(None))
    return {name: each if isinstance(each, plain) else str(each) for name, each in parameters.items()}
