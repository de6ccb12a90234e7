"""How often what costs the service most may be asked, as FastAPI dependencies: by account, or by address for nobody.

A limit is far above what people do by hand, so that only a program that has lost its way, or means harm, meets it.
Counted in this process (``app.web.attempts``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from fastapi import Depends, Request, params
from limits import RateLimitItem, RateLimitItemPerHour, RateLimitItemPerMinute

from app.access import Anyone
from app.web import attempts
from models.errors import TooMany

# Each by its own name: limits of one length and number would count together.
SEARCHES = RateLimitItemPerMinute(120, namespace="searches")
ARCHIVES = RateLimitItemPerHour(120, namespace="archives")
STORIES = RateLimitItemPerHour(600, namespace="stories")
EVENTS = RateLimitItemPerHour(1200, namespace="events")


@dataclass(frozen=True)
class AtMost:
    """Lets a request through, or answers 429 to whoever has asked as often as they may for now."""

    limit: RateLimitItem

    def __call__(self, request: Request, principal: Anyone) -> None:
        who = principal.account_id or attempts.whose(request)
        if not request.app.state.often.hit(self.limit, who):
            raise TooMany("too-many-attempts", retry_after_seconds=self.limit.get_expiry())


def at_most(limit: RateLimitItem) -> params.Depends:
    """For a route's ``dependencies``."""
    return cast(params.Depends, Depends(AtMost(limit)))
