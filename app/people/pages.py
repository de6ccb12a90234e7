"""People for people: home, signing in and out, one-time links."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse
from limits import RateLimitItemPerMinute

from app.access import SESSION_COOKIE, Anyone
from app.parts import House, Parts
from app.people import service
from app.web import attempts
from app.web.headers import ADDRESS_IS_SECRET
from app.web.rendering import render
from models.accounts import LinkPurpose
from models.errors import TooMany
from storage import accounts, pilots

router = APIRouter()

Text = Annotated[str, Form(max_length=200)]
TEN_A_MINUTE = RateLimitItemPerMinute(10)
_attempts = attempts.counter()


def _slow_down(request: Request) -> None:
    """Guessing is slow work: ten attempts a minute from one address."""
    address = attempts.whose(request)
    if not _attempts.hit(TEN_A_MINUTE, address):
        raise TooMany("too-many-attempts", retry_after_seconds=60)


def _with_session(parts: Parts, token: str, location: str) -> Response:
    response = RedirectResponse(location, 303)
    response.set_cookie(
        SESSION_COOKIE,
        token,
        max_age=int(accounts.SESSION_LASTS.total_seconds()),
        httponly=True,
        samesite="lax",
        secure=parts.settings.cookies_are_secure,
    )
    return response


@router.get("/")
def home(request: Request, parts: House, principal: Anyone) -> Response:
    if not principal.is_signed_in:
        return render(request, "welcome.html")
    with parts.database.read() as session:
        mine = pilots.of_ids(session, list(principal.roles))
        account = service.account_named(session, principal.account_id or "")
        return render(request, "home.html", pilots=mine, account=account)


@router.get("/sign-in")
def sign_in_form(request: Request, principal: Anyone) -> Response:
    return render(request, "sign-in.html")


@router.post("/sign-in")
def sign_in(request: Request, parts: House, sign_in_name: Text, password: Text) -> Response:
    _slow_down(request)
    with parts.database.read() as session:
        account_id = accounts.recognise(session, sign_in_name, password).id
    with parts.database.write() as session:
        account = service.account_named(session, account_id)
        token = accounts.begin_session(session, account, instead_of=request.cookies.get(SESSION_COOKIE))
    return _with_session(parts, token, "/")


@router.post("/sign-out")
def sign_out(request: Request, parts: House) -> Response:
    token = request.cookies.get(SESSION_COOKIE)
    if token:
        with parts.database.write() as session:
            accounts.end_session(session, token)
    response = RedirectResponse("/", 303)
    response.delete_cookie(SESSION_COOKIE)
    return response


@router.get("/come-in/{token}")
def link_form(request: Request, parts: House, token: str) -> Response:
    """A page with one button: looking at a link, as mail scanners do, must not use it up."""
    _slow_down(request)
    with parts.database.read() as session:
        link = accounts.look_at_link(session, token)
    page = render(
        request,
        "come-in.html",
        token=token,
        asks_name=service.needs_name(link),
        asks_password=link.purpose != LinkPurpose.SIGN_IN,
        is_first=link.purpose == LinkPurpose.FIRST_ADMINISTRATOR,
    )
    page.headers.update(ADDRESS_IS_SECRET)
    return page


@router.post("/come-in")
def use_link(
    request: Request,
    parts: House,
    token: Text,
    name: Text = "",
    sign_in_name: Text = "",
    password: Text = "",
) -> Response:
    _slow_down(request)
    password_hash = accounts.hash_of(password) if password else None
    with parts.database.write() as session:
        cookie = service.come_in(
            session,
            token,
            name=name,
            sign_in_name=sign_in_name,
            password_hash=password_hash,
            instead_of=request.cookies.get(SESSION_COOKIE),
        )
    return _with_session(parts, cookie, "/")
