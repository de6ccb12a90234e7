"""People for people: home, signing in and out, one-time links."""

from __future__ import annotations

from typing import Annotated, Any

import structlog
from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import RedirectResponse
from limits import RateLimitItemPerMinute

from app.access import Anyone
from app.parts import House, Parts
from app.people import entering, service
from app.people.service import Asked, Entrance
from app.problems import ask_again
from app.web import attempts, coming_back, cookies
from app.web.cookies import AT_A_KIOSK_COOKIE, LEAVING, SESSION_COOKIE
from app.web.headers import ADDRESS_IS_SECRET
from app.web.rendering import render
from models.accounts import LinkPurpose
from models.errors import Conflict, Invalid, NotSignedIn, TooMany
from storage import accounts, guessing, pilots, second_factors

log = structlog.get_logger()
router = APIRouter()

Text = Annotated[str, Form(max_length=200)]
# The page that they wanted who had to sign in first. What is too long for one leads to the start.
Wanted = Annotated[str, Form(alias=coming_back.FIELD, max_length=4000)]
TEN_A_MINUTE = RateLimitItemPerMinute(10)
_attempts = attempts.counter()


def _slow_down(request: Request, step: str = "first") -> None:
    """Guessing is slow work: ten attempts a minute from one address, at each step."""
    address = attempts.whose(request)
    if not _attempts.hit(TEN_A_MINUTE, step, address):
        raise TooMany("too-many-attempts", retry_after_seconds=60)


def _let_in(
    request: Request, parts: Parts, entrance: Entrance, *, wanted: str = coming_back.START
) -> Response:
    """To the page that they wanted, with a session; or the page that asks for the code of a second factor."""
    if entrance.waits_for_code:
        return _ask_code(request, entrance.token, wanted)
    return entering.go_in(request, parts, entrance, to=wanted)


def _ask_code(request: Request, token: str, wanted: str, *, is_wrong: bool = False) -> Response:
    shown = _beside_code(token, wanted, is_wrong=is_wrong)
    return render(request, "sign-in-code.html", status=401 if is_wrong else 200, errors={}, **shown)


def _beside_code(token: str, wanted: str, *, is_wrong: bool = False) -> dict[str, Any]:
    """What the page that asks for a code holds, but for the code: that one is a secret."""
    return {"token": token, "wanted": coming_back.page_here(wanted), "is_wrong": is_wrong}


@router.get("/")
def home(request: Request, parts: House, principal: Anyone) -> Response:
    if not principal.is_signed_in:
        return render(request, "welcome.html")
    with parts.database.read() as session:
        mine = pilots.of_ids(session, list(principal.roles))
        account = service.account_named(session, principal.account_id or "")
        lacks_factor = principal.weighs_most and not second_factors.is_on(session, account.id)
        return render(
            request,
            "home.html",
            pilots=mine,
            account=account,
            lacks_second_factor=lacks_factor,
        )


@router.get("/sign-in")
def sign_in_form(
    request: Request, principal: Anyone, wanted: Annotated[str, Query(alias=coming_back.FIELD)] = ""
) -> Response:
    return render(request, "sign-in.html", wanted=coming_back.page_here(wanted), errors={}, sign_in_name="")


@router.post("/sign-in")
def sign_in(
    request: Request,
    parts: House,
    sign_in_name: Text = "",
    password: Text = "",
    wanted: Wanted = coming_back.START,
) -> Response:
    try:
        entrance = _signed_in(request, parts, sign_in_name, password)
    except (NotSignedIn, TooMany) as error:
        kept = {"sign_in_name": sign_in_name, "wanted": coming_back.page_here(wanted)}
        return ask_again(request, error, "sign-in.html", at="sign_in_name", **kept)
    return _let_in(request, parts, entrance, wanted=wanted)


def _signed_in(request: Request, parts: Parts, sign_in_name: str, password: str) -> Entrance:
    """What name and password open.

    :raises NotSignedIn: they do not belong together
    :raises TooMany: there were too many tries lately
    """
    _slow_down(request)
    browser = entering.browser_of(request, parts)
    with parts.database.write() as session:
        of = guessing.count_try(session, sign_in_name, browser.device)
    try:
        with parts.database.read() as session:
            account = accounts.recognise(session, sign_in_name, password)
            account_id, kept = account.id, account.password_hash
        stronger = accounts.stronger_hash(account, password)
    except NotSignedIn:
        with parts.database.read() as session:
            known = accounts.id_of(session, sign_in_name)
        # Not the name as it was written: people write their password there.
        log.warning("sign-in failed", account=known, address=attempts.whose(request))
        raise
    with parts.database.write() as session:
        guessing.give_back(session, of)
        accounts.lock(session, account_id)
        if accounts.password_of(session, account_id) != kept:
            # Another was chosen while this one was looked at: what it opened has ended.
            raise NotSignedIn("sign-in-failed")
        if stronger is not None:
            accounts.keep_hash(session, account_id, stronger, instead_of=kept)
        return service.enter(session, service.account_named(session, account_id), browser)


@router.post("/sign-in/code")
def show_code(
    request: Request, parts: House, token: Text, code: Text, wanted: Wanted = coming_back.START
) -> Response:
    """The second step. Who is here is known by what the first one gave, which lasts ten minutes and opens nothing."""
    try:
        _slow_down(request, "second")
        with parts.database.write() as session:
            entrance = service.go_on(session, token, code, entering.browser_of(request, parts))
    except TooMany as error:
        return ask_again(request, error, "sign-in-code.html", at="code", **_beside_code(token, wanted))
    if entrance is not None:
        return _let_in(request, parts, entrance, wanted=wanted)
    log.warning("code was wrong", address=attempts.whose(request))
    return _ask_code(request, token, wanted, is_wrong=True)


@router.post("/sign-out")
def sign_out(request: Request, parts: House) -> Response:
    token = entering.browser_of(request, parts).session
    if token:
        with parts.database.write() as session:
            accounts.end_session(session, token)
    response = RedirectResponse("/?signed-out=yes", 303, headers=dict(LEAVING))
    for cookie in (SESSION_COOKIE, AT_A_KIOSK_COOKIE):
        cookies.take_back(response, cookie, parts.settings)
    return response


@router.get("/come-in/{token}")
def link_form(request: Request, parts: House, token: str) -> Response:
    """A page with one button: looking at a link, as mail scanners do, must not use it up."""
    response: Response
    try:
        _slow_down(request)
    except TooMany as error:
        response = ask_again(request, error, "come-in-later.html", at="again", token=token)
    else:
        shown = _asked_by(parts, token)
        response = render(request, "come-in.html", errors={}, name="", sign_in_name="", **shown)
    response.headers.update(ADDRESS_IS_SECRET)
    return response


def _asked_by(parts: Parts, token: str) -> dict[str, Any]:
    """What the page of a one-time link shows.

    :raises NotFound: it was used, or has ended
    """
    with parts.database.read() as session:
        link = accounts.look_at_link(session, token)
        is_first = link.purpose == LinkPurpose.FIRST_ADMINISTRATOR
        return {"token": token, "asked": service.asked_by(session, link), "is_first": is_first}


@router.post("/come-in")
def use_link(
    request: Request,
    parts: House,
    token: Text,
    name: Text = "",
    sign_in_name: Text = "",
    password: Text = "",
) -> Response:
    kept = {"name": name, "sign_in_name": sign_in_name}
    try:
        entrance = _come_in(request, parts, token, name, sign_in_name, password)
    except TooMany as error:
        return ask_again(
            request, error, "come-in.html", at="come-in", **kept, **_as_sent(token, **kept, password=password)
        )
    except (Invalid, Conflict) as error:
        # What is wrong is in a field that the link asks for; a link that ended meanwhile asks for nothing.
        shown = _asked_by(parts, token)
        is_nameless = shown["asked"].name and not name.strip()
        at = _wrong_field(error.code, is_nameless=is_nameless)
        return ask_again(request, error, "come-in.html", at=at, **kept, **shown)
    return _let_in(request, parts, entrance)


def _as_sent(token: str, *, name: str, sign_in_name: str, password: str) -> dict[str, Any]:
    """The page of a one-time link whose form had these fields, for any link: nobody looks which it is, or whether."""
    asked = Asked(name=bool(name), sign_in_name=bool(sign_in_name), password=bool(password), stays=False)
    return {"token": token, "asked": asked, "is_first": False}


def _wrong_field(code: str, *, is_nameless: bool) -> str:
    """Which field of coming in a refusal is about."""
    if code.startswith("password-"):
        return "password"
    return "name" if code == "name-missing" and is_nameless else "sign_in_name"


def _come_in(
    request: Request, parts: Parts, token: str, name: str, sign_in_name: str, password: str
) -> Entrance:
    """What a one-time link opens, with what was written on its page.

    :raises Invalid: something is missing, or the password is one that others guess
    :raises Conflict: the sign-in name is taken
    :raises NotFound: the link was used, or has ended
    """
    _slow_down(request)
    password_hash = None
    if password:
        with parts.database.read() as session:
            known = service.names_of(session, token)
        password_hash = accounts.hash_of(password, (*known, name, sign_in_name))
    with parts.database.write() as session:
        return service.come_in(
            session,
            token,
            name=name,
            sign_in_name=sign_in_name,
            password_hash=password_hash,
            browser=entering.browser_of(request, parts),
        )
