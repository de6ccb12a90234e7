"""Where somebody goes on who had to sign in first: to the page that they wanted, and never to anywhere but a page here.

The address stands in a link and in a form, so anybody may have written it: it is looked at when it is followed. To be
led to a page changes nothing; whether they may read it, the page itself asks.
"""

from __future__ import annotations

import re
from urllib.parse import quote, unquote, urlencode

from fastapi import Request

from app.web.doors import DOOR

FIELD = "next"
START, SIGN_IN = "/", "/sign-in"
MAX_CHARACTERS = 1000
# What leads in or out, and what is for programs: no page to come back to. Some of these addresses are keys, too.
NOT_BACK_TO = (SIGN_IN, "/sign-out", "/leave", "/come-in", DOOR, "/api", "/static")
# As RFC 3986 writes a path and what is asked of it, from the root on; a second slash at once would name another host.
_ADDRESS = re.compile(r"(?P<path>/(?!/)[\w.~!$&'()*+,;=:@%/-]*)(\?[\w.~!$&'()*+,;=:@%/?-]*)?", re.ASCII)


def page_here(address: str) -> str:
    """The address, if it is one of a page here to which somebody may be led; else that of the start."""
    match = _ADDRESS.fullmatch(address) if len(address) <= MAX_CHARACTERS else None
    if match is None:
        return START
    path = unquote(match["path"])
    is_plain = path.isprintable() and "\\" not in path and "//" not in path
    is_direct = not {".", ".."} & set(path.split("/"))
    leads_back = any(path == each or path.startswith(f"{each}/") for each in NOT_BACK_TO)
    return address if is_plain and is_direct and not leads_back else START


def way_to_sign_in(request: Request) -> str:
    """Where somebody signs in who is to find this page again; one that answers a form cannot be found again."""
    if request.method != "GET":
        return SIGN_IN
    path = quote(request.url.path, safe="/!$&'()*+,;=:@~")
    wanted = page_here(f"{path}?{request.url.query}" if request.url.query else path)
    return SIGN_IN if wanted == START else f"{SIGN_IN}?{urlencode({FIELD: wanted})}"
