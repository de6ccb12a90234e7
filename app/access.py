"""Who asks, as FastAPI dependencies: permission stands in an endpoint's signature.

``Anyone`` may be nobody in particular; ``SignedIn`` is somebody; ``Curator`` and the others hold that role in at
least one pilot; ``Teller`` came by a private link: one person, in one story. Which stories they then reach is the
gate's to say. A dependency here reads headers only, never the body: it decides before a byte of an upload is taken.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import APIKeyCookie, HTTPBearer

from app.parts import House, Parts
from app.web import cookies, kiosk
from app.web.cookies import SESSION_COOKIE, TELLER_COOKIE
from app.web.rendering import wants_page
from models.errors import NotAllowed, NotSignedIn
from models.roles import ANYONE, Principal, Role, Scope
from models.stories import Story
from storage import accounts, api_keys, notices, second_factors, tellers

# Said in the description of the API; over https their names have a prefix.
_cookie = APIKeyCookie(name=SESSION_COOKIE, auto_error=False, description="A signed-in person's session.")
_teller_cookie = APIKeyCookie(
    name=TELLER_COOKIE, auto_error=False, description="Somebody who came by their private link."
)
_bearer = HTTPBearer(auto_error=False, description="An API key.")


def _whoever(
    request: Request,
    parts: House,
    _session: Annotated[object, Depends(_cookie)] = None,
    _key: Annotated[object, Depends(_bearer)] = None,
) -> Principal:
    """Who a request comes from, whether or not a second factor is still to be set up.

    :raises NotSignedIn: an API key came with it, and is not or no longer valid
    :raises NotAllowed: it came from a kiosk, which does not open this
    """
    # Keys are for programs: pages know sessions only, so that a key's scopes cannot be walked around.
    is_program = request.url.path.startswith("/api/")
    authorization = request.headers.get("authorization", "") if is_program else ""
    cookie = cookies.value_of(request, SESSION_COOKIE, parts.settings)
    principal, request.state.is_kiosk, request.state.unread_notices = _recognise(
        authorization, cookie, parts, is_page=wants_page(request)
    )
    request.state.principal = principal
    if request.state.is_kiosk:
        request.state.idle_seconds = kiosk.idle_seconds(request.url.path)
        story_id = kiosk.story_of(request, parts.settings)
        if not kiosk.is_open(request.url.path, story_id):
            raise NotAllowed("kiosk-closed")
    return principal


def not_at_a_kiosk(request: Request, parts: House) -> None:
    """A dependency for pages that ask nobody who they are: from a kiosk no path leads out of it.

    :raises NotAllowed: it came from a kiosk
    """
    cookie = cookies.value_of(request, SESSION_COOKIE, parts.settings)
    if cookie and _recognise("", cookie, parts)[1]:
        raise NotAllowed("kiosk-closed")


def principal_of(parts: House, principal: Annotated[Principal, Depends(_whoever)]) -> Principal:
    """Who a request comes from.

    :raises NotSignedIn: an API key came with it, and is not or no longer valid
    :raises NotAllowed: a second factor is asked of this person, and they have none yet
    """
    if parts.settings.require_second_factor and principal.weighs_most and principal.scopes is None:
        with parts.database.read() as session:
            if not second_factors.is_on(session, principal.account_id or ""):
                raise NotAllowed("second-factor-missing")
    return principal


def bearer_token(authorization: str) -> str | None:
    """The token in a header ``Authorization`` (RFC 6750); None: it is of another kind."""
    scheme, _, token = authorization.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def _recognise(
    authorization: str, cookie: str | None, parts: Parts, *, is_page: bool = False
) -> tuple[Principal, bool, int]:
    """Who it is, whether they serve a kiosk, and for a page how many notices they have not read."""
    with parts.database.read() as session:
        if authorization:
            token = bearer_token(authorization)
            found = api_keys.of_token(session, token) if token is not None else None
            if found is None:
                raise NotSignedIn("api-key-unknown")
            return accounts.principal_of(session, found[0], found[1]), False, 0
        found_session = accounts.account_of_session(session, cookie) if cookie else None
        principal = accounts.principal_of(session, found_session[0]) if found_session else ANYONE
        unread = notices.unread(session, principal.account_id) if is_page and principal.account_id else 0
    if cookie and found_session and accounts.is_stale(found_session[1]):
        with parts.database.write() as writing:
            accounts.touch_session(writing, cookie)
    return principal, found_session is not None and found_session[1].kiosk_since is not None, unread


Anyone = Annotated[Principal, Depends(principal_of)]


def _signed_in(principal: Anyone) -> Principal:
    if not principal.is_signed_in:
        raise NotSignedIn("not-signed-in")
    return principal


SignedIn = Annotated[Principal, Depends(_signed_in)]


def _setting_up(principal: Annotated[Principal, Depends(_whoever)]) -> Principal:
    return _signed_in(principal)


# For the pages of the second factor alone: who still has to set one up opens them, and nothing else.
SettingUp = Annotated[Principal, Depends(_setting_up)]


def _in_session(principal: SignedIn) -> Principal:
    if principal.scopes is not None:
        raise NotAllowed("session-needed")
    return principal


InSession = Annotated[Principal, Depends(_in_session)]


def _in_role(*roles: Role) -> Callable[[Principal], Principal]:
    def check(principal: SignedIn) -> Principal:
        if not principal.pilots_as(*roles):
            raise NotAllowed("role-missing", roles=[role.value for role in roles])
        return principal

    return check


def _administrator(principal: SignedIn) -> Principal:
    if not principal.is_administrator or principal.scopes is not None:
        raise NotAllowed("role-missing", roles=["administrator"])
    return principal


def _coordinator(principal: SignedIn) -> Principal:
    if not principal.is_administrator and not principal.pilots_as(Role.CURATOR):
        raise NotAllowed("role-missing", roles=["administrator", Role.CURATOR.value])
    return principal


def scope(needed: Scope) -> Callable[[Principal], None]:
    """A dependency for a route: an API key must have this scope. Sessions have all."""

    def check(principal: Anyone) -> None:
        if not principal.has_scope(needed):
            raise NotAllowed("scope-missing", scope=needed.value)

    return check


Sender = Annotated[Principal, Depends(_in_role(Role.REPORTER, Role.FACILITATOR, Role.CURATOR))]
Importer = Annotated[Principal, Depends(_in_role(Role.FACILITATOR, Role.CURATOR))]
Facilitator = Annotated[Principal, Depends(_in_role(Role.FACILITATOR))]
Curator = Annotated[Principal, Depends(_in_role(Role.CURATOR))]
PilotTeam = Annotated[Principal, Depends(_in_role(Role.PILOT_TEAM, Role.CURATOR))]
# Whoever runs a pilot: its curators in it, administrators in all of them. For pages, which know no keys.
Coordinator = Annotated[Principal, Depends(_coordinator)]
Administrator = Annotated[Principal, Depends(_administrator)]


def _by_private_link(
    request: Request, parts: House, _documented: Annotated[object, Depends(_teller_cookie)] = None
) -> Principal:
    """Who came by a private link. An account opens nothing here, and this cookie opens nothing elsewhere."""
    cookie = cookies.value_of(request, TELLER_COOKIE, parts.settings)
    with parts.database.read() as session:
        principal = tellers.holder_of(session, cookie) if cookie else None
        if principal is None:
            raise NotSignedIn("teller-session-ended")
        request.state.story_language = session.get_one(Story, principal.story_id).spoken_language
    request.state.principal = principal
    return principal


Teller = Annotated[Principal, Depends(_by_private_link)]
