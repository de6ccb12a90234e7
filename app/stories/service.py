"""What people do with stories beyond storage's verbs: sending one to pilots they work in, within limits."""

from __future__ import annotations

import shutil
from collections.abc import Collection
from datetime import timedelta

from sqlalchemy.orm import Session

from app.settings import Settings
from app.stories.schemas import StoryIn
from models.base import utc_now
from models.errors import Invalid, NoSpace, NotAllowed, TooMany
from models.pilots import Pilot
from models.roles import Principal, Role
from models.stories import DETECT, Story
from pipeline.transcription.languages import is_known
from storage import pilots, quotas, stories, uploads
from storage.database import WriteSession
from storage.stories import PersonDetails, StoryDetails

SENDERS = (Role.REPORTER, Role.FACILITATOR, Role.CURATOR)
A_DAY = timedelta(days=1)


def submit(
    session: WriteSession, principal: Principal, sent: StoryIn, *, story_id: str | None = None
) -> Story:
    """A new story from somebody who works in its pilots.

    :param story_id: where a new one was chosen before
    :raises NotAllowed: the sender has no role in one of the pilots
    :raises Invalid: the language is none that can be heard
    """
    check_language(sent.language)
    chosen = [pilots.by_code(session, code) for code in dict.fromkeys(sent.pilots)]
    if not {pilot.id for pilot in chosen} <= principal.pilots_as(*SENDERS):
        raise NotAllowed("pilot-not-yours")
    assert principal.account_id is not None
    return stories.create(
        session, _details(sent, chosen), submitted_by=principal.account_id, story_id=story_id
    )


def check_language(language: str | None) -> None:
    """
    :raises Invalid: the language is none that can be heard
    """
    if language not in (None, DETECT) and not is_known(language):
        raise Invalid("language-unknown", language=language)


def _details(sent: StoryIn, chosen: list[Pilot]) -> StoryDetails:
    return StoryDetails(
        title=sent.title,
        language=sent.language,
        pilot_ids=[pilot.id for pilot in chosen],
        purpose=sent.purpose,
        people=[
            PersonDetails(person.label, person.part, person.shown_name, person.contact, person.guardian)
            for person in sent.people
        ],
        told_when=sent.told_when,
        told_where=sent.told_where,
        recorded_by=sent.recorded_by,
        told_in_sign_language=sent.told_in_sign_language,
        content_warning=sent.content_warning,
    )


def check_limits(
    session: Session,
    settings: Settings,
    account_id: str,
    *,
    pilot_ids: Collection[str] = (),
    coming_bytes: int = 0,
    going_on: str | None = None,
) -> None:
    """Whether a person may send now, decided before a byte of the body is read.

    :param pilot_ids: whom it is sent to, where that is known
    :param coming_bytes: how much is announced, where that is known
    :param going_on: the id of the upload that they go on with
    :raises NoSpace: the disk is nearly full
    :raises TooMany: too much in a day, or too many at once
    """
    check_room(settings)
    now = utc_now()
    sent = quotas.sent_by(session, account_id, now - A_DAY, but=going_on)
    if seconds := _seconds_over(sent, coming_bytes, settings.daily_upload_bytes):
        raise TooMany("daily-limit", retry_after_seconds=seconds)
    for pilot_id in pilot_ids:
        sent = quotas.sent_to(session, pilot_id, now - A_DAY, but=going_on)
        limit = session.get_one(Pilot, pilot_id).daily_upload_bytes or settings.daily_pilot_upload_bytes
        if seconds := _seconds_over(sent, coming_bytes, limit):
            raise TooMany("pilot-daily-limit", retry_after_seconds=seconds)
    if uploads.being_sent(session, account_id, now, but=going_on) >= settings.max_parallel_uploads:
        raise TooMany("parallel-limit", limit=settings.max_parallel_uploads, retry_after_seconds=60)


def check_room(settings: Settings) -> None:
    """
    :raises NoSpace: the disk is nearly full
    """
    if shutil.disk_usage(settings.data).free < settings.min_free_bytes:
        raise NoSpace("disk-nearly-full")


def _seconds_over(sent: quotas.Sent, coming_bytes: int, limit_bytes: int) -> int:
    """How long what was sent in a day, and what is coming, will be more than the limit; 0: they are not."""
    if sent.size_bytes + max(coming_bytes, 1) <= limit_bytes:
        return 0
    if sent.first_at is None:
        return 3600
    return quotas.seconds_until(sent.first_at + A_DAY)
