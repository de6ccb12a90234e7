"""The cookies by which people are known: their names, how they are set, and how they are taken back.

Over https their names say so: a browser then takes them from this host alone (``__Host-``), or over https alone
(``__Secure-``, where they are not for every path), so that no neighbour under the same domain can plant one (RFC
6265bis §4.1.3).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from fastapi import Request, Response

from app.settings import Settings
from app.web.doors import DOOR

SESSION_COOKIE = "community_reporting_session"
TELLER_COOKIE = "community_reporting_teller"
# That an account was opened in this browser once: it opens nothing.
DEVICE_COOKIE = "community_reporting_device"
# A story that is being described (app.stories.draft): cut in two, since one cookie holds little.
DRAFT_COOKIES = ("community_reporting_draft", "community_reporting_draft_more")
# Which story is being sent at a kiosk (app.web.kiosk).
KIOSK_COOKIE = "community_reporting_kiosk"
# That this device is a kiosk, for the scripts of the page that opens without a connection. It opens nothing.
AT_A_KIOSK_COOKIE = "community_reporting_at_a_kiosk"
EVERYWHERE = "/"
DRAFTING = "/stories/new"
# Where a browser sends each.
PATHS: Mapping[str, str] = {
    SESSION_COOKIE: EVERYWHERE,
    DEVICE_COOKIE: EVERYWHERE,
    TELLER_COOKIE: DOOR,
    KIOSK_COOKIE: EVERYWHERE,
    AT_A_KIOSK_COOKIE: EVERYWHERE,
    **dict.fromkeys(DRAFT_COOKIES, DRAFTING),
}
# Nothing that was shown is left for whoever uses the device next. Not "cookies": that would sign people out of all
# that is served under the same domain. Not "storage": recordings that were not sent yet lie there, and nowhere else;
# the page that follows says so, and offers to delete them.
LEAVING: Mapping[str, str] = {"Clear-Site-Data": '"cache"'}


def name_of(cookie: str, settings: Settings) -> str:
    """What a cookie is called here."""
    if not settings.cookies_are_secure:
        return cookie
    return f"{'__Host-' if PATHS[cookie] == EVERYWHERE else '__Secure-'}{cookie}"


def value_of(request: Request, cookie: str, settings: Settings) -> str:
    """What a browser sent under a cookie's name; empty if nothing."""
    return request.cookies.get(name_of(cookie, settings), "")


def give(response: Response, cookie: str, value: str, settings: Settings, *, lasts: timedelta) -> None:
    """Set a cookie that no other site sends along, and no script reads but that of one."""
    response.set_cookie(
        name_of(cookie, settings),
        value,
        max_age=int(lasts.total_seconds()),
        httponly=cookie != AT_A_KIOSK_COOKIE,
        samesite="lax",
        secure=settings.cookies_are_secure,
        path=PATHS[cookie],
    )


def take_back(response: Response, cookie: str, settings: Settings) -> None:
    """Let the browser forget a cookie. Also this has to be ``Secure``, or the name's prefix forbids it."""
    response.delete_cookie(
        name_of(cookie, settings),
        httponly=True,
        samesite="lax",
        secure=settings.cookies_are_secure,
        path=PATHS[cookie],
    )
