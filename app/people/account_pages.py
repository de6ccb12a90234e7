"""My account: password, second factor, the sessions and API keys that stand, each of them ended by its owner."""

from __future__ import annotations

from typing import Annotated, Any

import segno
from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from app.access import SettingUp, SignedIn
from app.parts import House, Parts
from app.people import entering, service
from app.people.asking import not_too_often, who_shows_it_again
from app.problems import ask_again
from app.web import cookies
from app.web.cookies import SESSION_COOKIE
from app.web.rendering import render
from models import second_factors as rules
from models.errors import Invalid, NotAllowed, TooMany
from models.roles import Principal, Scope
from storage import accounts, api_keys, lasting, second_factors, sign_ins

router = APIRouter(prefix="/account")

Text = Annotated[str, Form(max_length=200)]
# What an authenticator shows beside the code.
ISSUER = "Community Reporting"
ABOUT_CODES = ("code-wrong", "too-many-codes")


@router.get("")
def show(request: Request, parts: House, principal: SignedIn) -> Response:
    mine = principal.account_id or ""
    here = accounts.digest_of(cookies.value_of(request, SESSION_COOKIE, parts.settings))
    with parts.database.read() as session:
        return render(
            request,
            "account.html",
            account=service.account_named(session, mine),
            has_second_factor=second_factors.is_on(session, mine),
            codes_left=second_factors.recovery_codes_left(session, mine),
            sessions=[(each, each.token_digest == here) for each in sign_ins.of_account(session, mine)],
            keys=api_keys.of_account(session, mine),
            scopes=list(Scope),
            comes_without_password=lasting.is_for(session, mine),
            idles_days=lasting.IDLES.days,
        )


@router.post("/password")
def change_password(
    request: Request,
    parts: House,
    principal: SignedIn,
    password: Text,
    new_password: Text,
    ends_keys: Annotated[bool, Form()] = False,
) -> Response:
    """A new password for the one who knows the old one; every other session ends, and keys if they say so."""
    mine = who_shows_it_again(parts, principal, password)
    with parts.database.read() as session:
        account = service.account_named(session, mine)
    chosen = accounts.hash_of(new_password, (account.name, account.sign_in_name))
    here = cookies.value_of(request, SESSION_COOKIE, parts.settings)
    with parts.database.write() as session:
        accounts.choose_password(session, service.account_named(session, mine), chosen, but=here)
        if ends_keys:
            api_keys.end_all(session, mine)
    return RedirectResponse("/account", 303)


@router.post("/first-password")
def choose_first_password(
    request: Request, parts: House, principal: SignedIn, sign_in_name: Text, password: Text
) -> Response:
    """A sign-in name and a password for whoever came without; from then on they are as everybody else."""
    mine = not_too_often(principal)
    with parts.database.read() as session:
        name = service.account_named(session, mine).name
    chosen = accounts.hash_of(password, (name, sign_in_name))
    with parts.database.write() as session:
        entrance = service.choose_first_password(
            session,
            mine,
            sign_in_name=sign_in_name,
            password_hash=chosen,
            browser=entering.browser_of(request, parts),
        )
    return entering.go_in(request, parts, entrance)


# ---- the second factor: also for those who may do nothing else before they have one ------------------------------


@router.get("/second-factor")
def second_factor(request: Request, parts: House, principal: SettingUp, led: bool = False) -> Response:
    return render(request, "second-factor.html", errors={}, is_led=led, **_offered(parts, principal))


def _offered(parts: Parts, principal: Principal) -> dict[str, Any]:
    """Which forms the page of the second factor has for this person."""
    with parts.database.read() as session:
        is_on = second_factors.is_on(session, principal.account_id or "")
    return {"is_on": is_on, "must": parts.settings.require_second_factor and principal.weighs_most}


def _ask_again(
    request: Request, parts: Parts, principal: Principal, error: NotAllowed | TooMany, form: str = ""
) -> Response:
    """The page again, with what was wrong in one of its forms; all that was written there is a secret."""
    field = "code" if error.code in ABOUT_CODES else "password"
    shown = _offered(parts, principal)
    return ask_again(request, error, "second-factor.html", at=field + form, is_led=False, **shown)


@router.post("/second-factor")
def begin_second_factor(request: Request, parts: House, principal: SettingUp, password: Text) -> Response:
    try:
        mine = who_shows_it_again(parts, principal, password)
    except (NotAllowed, TooMany) as error:
        return _ask_again(request, parts, principal, error)
    with parts.database.write() as session:
        second_factors.begin(session, mine)
    return _shown(request, parts, mine)


@router.post("/second-factor/confirm")
def confirm_second_factor(request: Request, parts: House, principal: SettingUp, code: Text) -> Response:
    mine = principal.account_id or ""
    here = cookies.value_of(request, SESSION_COOKIE, parts.settings)
    with parts.database.write() as session:
        codes = second_factors.confirm(session, mine, code)
        if codes is not None:
            sign_ins.end_all(session, mine, actor=mine, but=here)
    if codes is None:
        return _shown(request, parts, mine, is_wrong=True)
    return render(request, "recovery-codes.html", codes=codes)


def _shown(request: Request, parts: Parts, account_id: str, *, is_wrong: bool = False) -> Response:
    """The secret as text, link and picture. The picture is drawn here: the secret goes to nobody else."""
    with parts.database.read() as session:
        account = service.account_named(session, account_id)
        secret = second_factors.being_set_up(session, account_id) or ""
    address = rules.address_of(secret, account.sign_in_name, ISSUER)
    return render(
        request,
        "second-factor-secret.html",
        status=422 if is_wrong else 200,
        secret=" ".join(secret[place : place + 4] for place in range(0, len(secret), 4)),
        address=address,
        picture=segno.make(address, error="m", micro=False).svg_inline(omitsize=True),
        is_wrong=is_wrong,
    )


@router.post("/second-factor/off")
def turn_second_factor_off(
    request: Request, parts: House, principal: SettingUp, password: Text, code: Text
) -> Response:
    try:
        mine = _with_code(parts, principal, password, code)
    except (NotAllowed, TooMany) as error:
        return _ask_again(request, parts, principal, error, "-off")
    with parts.database.write() as session:
        second_factors.turn_off(session, mine, actor=mine)
        here = cookies.value_of(request, SESSION_COOKIE, parts.settings)
        sign_ins.end_all(session, mine, actor=mine, but=here)
    return RedirectResponse("/account/second-factor", 303)


@router.post("/second-factor/recovery-codes")
def new_recovery_codes(
    request: Request, parts: House, principal: SettingUp, password: Text, code: Text
) -> Response:
    try:
        mine = _with_code(parts, principal, password, code)
    except (NotAllowed, TooMany) as error:
        return _ask_again(request, parts, principal, error, "-codes")
    with parts.database.write() as session:
        codes = second_factors.renew_recovery_codes(session, mine)
    return render(request, "recovery-codes.html", codes=codes)


def _with_code(parts: Parts, principal: Principal, password: str, code: str) -> str:
    """The id of whoever shows both factors once more.

    :raises NotAllowed: one of them is wrong
    :raises TooMany: too many were, lately
    """
    mine = who_shows_it_again(parts, principal, password)
    with parts.database.write() as session:
        is_right = second_factors.take(session, mine, code)
    if not is_right:
        raise NotAllowed("code-wrong")
    return mine


# ---- sessions and keys -------------------------------------------------------------------------------------------


@router.post("/sessions/{session_id}/end")
def end_session(parts: House, principal: SignedIn, session_id: str) -> Response:
    mine = principal.account_id or ""
    with parts.database.write() as session:
        sign_ins.end(session, mine, session_id, actor=mine)
    return RedirectResponse("/account#sessions", 303)


@router.post("/sessions/end-others")
def end_other_sessions(request: Request, parts: House, principal: SignedIn) -> Response:
    mine = principal.account_id or ""
    with parts.database.write() as session:
        here = cookies.value_of(request, SESSION_COOKIE, parts.settings)
        sign_ins.end_all(session, mine, actor=mine, but=here)
    return RedirectResponse("/account#sessions", 303)


@router.post("/keys")
def make_key(
    request: Request,
    parts: House,
    principal: SignedIn,
    name: Text,
    password: Text,
    days: Annotated[int, Form(ge=1, le=366)],
    scope: Annotated[list[Scope], Form()] = [],  # noqa: B006 - the framework copies it
) -> Response:
    """A key for programs; it is shown this once."""
    if not name.strip():
        raise Invalid("name-missing")
    mine = who_shows_it_again(parts, principal, password)
    with parts.database.write() as session:
        account = service.account_named(session, mine)
        made = api_keys.make(session, account, name.strip(), set(scope), days=days, actor=mine)
    return render(request, "new-key.html", token=made.token, name=made.key.name)


@router.post("/keys/{key_id}/end")
def end_key(parts: House, principal: SignedIn, key_id: str) -> Response:
    mine = principal.account_id or ""
    with parts.database.write() as session:
        api_keys.end(session, mine, key_id, actor=mine)
    return RedirectResponse("/account#keys", 303)
