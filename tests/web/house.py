"""A furnished house for pages: a running service, somebody of every role, and stories in every state; made once.

It stands on the ground of tests/access, whose roles and stages these are. Beside them stand people who have a
password, and stories that only pages tell apart.
"""

from __future__ import annotations

import io
import itertools
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any
from unittest import mock

from fastapi import Request
from limits import RateLimitItemPerMinute
from sqlalchemy import delete, select

from app.access import SESSION_COOKIE
from app.people import asking
from app.web import attempts, kiosk
from app.web.cookies import KIOSK_COOKIE
from app.web.sealed import seal
from models import second_factors as rules
from models.accounts import Account, LinkPurpose
from models.base import utc_now
from models.collections import Collection
from models.consent import Giver
from models.curation import State
from models.pilots import Pilot
from models.roles import Principal, Role
from models.stories import Part, Recording, Rendition, Story, StoryPerson
from models.webhooks import Webhook
from storage import (
    accounts,
    pilots,
    publications,
    recordings,
    responses,
    second_factors,
    themes,
    webhooks,
    wishes,
    wordings,
)
from storage.database import Database, WriteSession
from storage.objects import Objects
from storage.pilots import Governance
from storage.themes import Suggested
from tests.access.place import Place
from tests.access.stages import STAGES, WITHOUT_ACCOUNT
from tests.plugins.served import Served, serving_over
from tests.plugins.stories import CODEBOOK, THEME, Field

PASSWORD = "a bench, a well and two lamps"
RECEIVER = "https://example.org/called"
# The longest words of ten languages are in Finnish and Hungarian, and some titles are nothing but one.
LONG_TITLE = "Kuntouttavatyötoimintasuunnitelmapalaveri, megszentségteleníthetetlenségeskedéseitekért"
# Here the private link that was opened is the guardian's.
BY_GUARDIAN = "by a guardian"
LONG_WORD = "lentokonesuihkuturbiinimoottoriapumekaanikkoaliupseerioppilas"
KIOSK = "at the kiosk"
TOLD_AT_THE_KIOSK = "told there"
SEVERAL = (Part.HEARD, Part.SEEN)


@dataclass(frozen=True)
class Told:
    """A story: the words that name it and what belongs to it, and the cookies of its teller, by name."""

    words: Mapping[str, Any]
    teller: Mapping[str, str]


class House:
    """A service with everything in it. Whoever opens a page is known by their cookies."""

    def __init__(self, place: Place, served: Served, sound: bytes) -> None:
        self.place, self.served, self._sound = place, served, sound
        self.database = place.database
        self._field = Field(place.database)
        self._here = place.pilots["here"]
        self._told: dict[str, Told] = {}
        self._keepers: dict[str, tuple[Principal, str]] = {}

    def furnish(self) -> None:
        """Everybody and everything that lists show."""
        for name in ("keeper", "keeper with codes"):
            self._keepers[name] = self._keeper(Role.CURATOR)
        self._keepers[KIOSK] = self._keeper(Role.FACILITATOR)
        with self.database.write() as session:
            curator = self.place.people["curator"].account_id or ""
            for language in ("en", "pl"):
                text = "We keep your story.\nYou can take it back at any time."
                wordings.add(session, language, text, pilot_id=self._here, actor=curator)
            labels = ({"code": "TK NC", "text": "Not for commercial use."},)
            governance = Governance(labels=labels, terms="Invite the tellers.", unreviewed_days=90)
            pilots.govern(session, session.get_one(Pilot, self._here), governance, actor=curator)
            for hook in webhooks.of_pilots(session, frozenset({self._here})):
                webhooks.enqueue_test(session, hook, actor=curator)
            for name in ("keeper", "keeper with codes"):
                second_factors.begin(session, self._keeper_id(name))
            accounts.begin_kiosk(session, self._keepers[KIOSK][1])
        with self.database.write() as session:
            keeper = self._keeper_id("keeper with codes")
            secret = second_factors.being_set_up(session, keeper) or ""
            second_factors.confirm(session, keeper, rules.code_of(secret, rules.step_at(utc_now())))
        for story in (*STAGES, *OWN_STORIES):
            self.told(story)
        self._answer()
        self._publish()

    # ---- who comes ----

    def cookies_of(self, who: str, told: Told) -> Mapping[str, str]:
        """By name, the cookies of somebody; a teller's are of their story."""
        if who == KIOSK:
            return self._at_the_kiosk(told.words.get("story_id", ""))
        if who in self._keepers:
            return {SESSION_COOKIE: self._keepers[who][1]}
        if who == "teller":
            return told.teller
        return _cookies(self.place.headers_of(who)) if who not in WITHOUT_ACCOUNT else {}

    def _at_the_kiosk(self, story_id: str) -> dict[str, str]:
        """The facilitator's session, and which story is being sent there."""
        mine = {SESSION_COOKIE: self._keepers[KIOSK][1]}
        device = Request(
            {"type": "http", "headers": [(b"cookie", f"{SESSION_COOKIE}={mine[SESSION_COOKIE]}".encode())]}
        )
        settings = self.place.app.state.parts.settings
        return mine | {KIOSK_COOKIE: seal(device, settings, kiosk.PURPOSE, story_id.encode())}

    def _keeper(self, role: Role) -> tuple[Principal, str]:
        """Somebody with a password, and their session."""
        person = self._field.account(role, self._here)
        with self.database.write() as session:
            account = session.get_one(Account, person.account_id)
            accounts.choose_password(session, account, accounts.hash_of(PASSWORD, (account.name,)))
            return person, accounts.begin_session(session, account)

    def _keeper_id(self, name: str) -> str:
        return self._keepers[name][0].account_id or ""

    # ---- what they come to ----

    def told(self, story: str, *, is_own: bool = False) -> Told:
        """A story, told when it is first asked for; ``is_own``: one more of its kind, for whoever changes it."""
        if not story:
            return Told(self.place.ids, {})
        if is_own:
            return self._tell(story)
        if story not in self._told:
            self._told[story] = self._tell(story)
        return self._told[story]

    def used_up(self) -> dict[str, str]:
        """Words that work once, or that are somebody's alone."""
        keeper = self._keeper_id("keeper with codes")
        with self.database.write() as session:
            # A pilot has few of them.
            session.execute(delete(Webhook).where(Webhook.url == RECEIVER))
            return {
                "receiver": RECEIVER,
                "recovery_code": second_factors.renew_recovery_codes(session, keeper)[0],
                "keeper_with_codes": session.get_one(Account, keeper).sign_in_name,
                "way_in": self._way_in(session),
                "invitation": self._invitation(session, Role.REPORTER),
                "invitation_of_curator": self._invitation(session, Role.CURATOR),
            }

    def _way_in(self, session: WriteSession) -> str:
        account_id = self.place.people["reporter"].account_id or ""
        return accounts.make_link(session, LinkPurpose.SIGN_IN, account_id=account_id)

    def _invitation(self, session: WriteSession, role: Role) -> str:
        return accounts.make_link(session, LinkPurpose.INVITATION, pilot_id=self._here, role=role)

    def _tell(self, story: str) -> Told:
        if story in STAGES:
            words, link = self.place.tell(story), self.place.headers_of("teller")
        else:
            told = OWN_STORIES[story](self)
            giver = Giver.GUARDIAN if story == BY_GUARDIAN else Giver.PERSON
            _, link = self.place.private_link(told, giver)
            words = {**self.place.ids, "story_id": told.id, "person_id": told.people[0].id}
        self._let_sound(words["story_id"])
        return Told(words, _cookies(link))

    def _let_sound(self, story_id: str) -> None:
        """What is played can be heard."""
        with self.database.write() as session:
            played = select(Rendition).join(Recording).where(Recording.story_id == story_id)
            for rendition in session.scalars(played):
                self.place.stories.objects.put_stream(rendition.object_key, io.BytesIO(self._sound))
                rendition.size_bytes, rendition.sha256 = len(self._sound), sha256(self._sound).hexdigest()

    def _answer(self) -> None:
        """Somebody who listened answers to a collection."""
        with self.database.write() as session:
            made = session.get_one(Collection, self._told["curated"].words["collection_id"])
            said = {"words": "The bus will stop here again.", "will_change": "From May on, twice a day."}
            actor = self.place.people["team"].account_id or ""
            responses.record(session, made, **said, answered_on=date(2026, 3, 2), actor=actor)

    def _publish(self) -> None:
        """A collection is for everybody."""
        with self.database.write() as session:
            made = session.get_one(Collection, self._told["published"].words["collection_id"])
            publications.publish(session, made, actor=self.place.people["curator"].account_id or "")

    # ---- stories that only pages tell apart ----

    def _story(self, **details: Any) -> Story:
        return self._field.story(by=self.place.people["sender"], pilots=[self._here], **details)

    def _with_long_words(self) -> Story:
        said = [LONG_WORD, "I sat down on the bench, and nobody was there."]
        told = self._story(title=LONG_TITLE, state=State.IN_REVIEW, said=said, with_recording=True)
        with self.database.write() as session:
            kept = session.get_one(Story, told.id)
            kept.content_warning, kept.told_where = f"It speaks of {LONG_WORD}.", LONG_WORD
            kept.people[0].label = f"my neighbour from {LONG_WORD}"
            heard = {"recording_id": told.recordings[0].id, "segment": 0, "start_char": 0, "end_char": 9}
            heard |= {"start_seconds": 0.0, "end_seconds": 3.5, "text": LONG_WORD, "why": LONG_WORD}
            themes.suggest(session, kept, [Suggested(THEME, 0.9, [heard])], codebook=CODEBOOK)
        return told

    def _told_at_the_kiosk(self) -> Story:
        return self._field.story(by=self._keepers[KIOSK][0], pilots=[self._here])

    def _with_several_people(self) -> Story:
        return self._story(title="Two of us, and a dog", consented_to=None, others=SEVERAL)

    def _with_guardian(self) -> Story:
        told = self._story(title="The swing", state=State.CURATED)
        with self.database.write() as session:
            session.get_one(StoryPerson, told.people[0].id).guardian = f"his sister, {LONG_WORD}"
        return told

    def _on_its_way(self) -> Story:
        return self._with_recording("Still on its way", lambda session, recording: None)

    def _being_prepared(self) -> Story:
        def begin(session: WriteSession, recording: Recording) -> None:
            recordings.receive(session, recording.id, size_bytes=1000, sha256="0" * 64)
            wish = wishes.latest(session, recording.story_id, recording.id)
            assert wish is not None
            wish.step, wish.fraction = "transcribe", 0.4
            wish.step_started_at = utc_now() - timedelta(seconds=20)

        return self._with_recording("Being prepared", begin)

    def _refused(self) -> Story:
        def refuse(session: WriteSession, recording: Recording) -> None:
            recordings.note_failure(session, recording, "recording-empty", {}, is_final=True)

        return self._with_recording("Nothing in it", refuse)

    def _with_recording(self, title: str, then: Callable[[WriteSession, Recording], None]) -> Story:
        told = self._story(title=title)
        with self.database.write() as session:
            kept = session.get_one(Story, told.id)
            then(session, recordings.expect_recording(session, kept, "bench.wav", sent_by=kept.submitted_by))
        return told


OWN_STORIES: Mapping[str, Callable[[House], Story]] = {
    "long words": House._with_long_words,
    "several people": House._with_several_people,
    BY_GUARDIAN: House._with_guardian,
    TOLD_AT_THE_KIOSK: House._told_at_the_kiosk,
    "on its way": House._on_its_way,
    "being prepared": House._being_prepared,
    "refused": House._refused,
}


@contextmanager
def furnished(database: Database, objects: Objects, folder: Path) -> Iterator[House]:
    """A furnished house, over an empty database and bucket."""
    with Place(database, objects, folder).opened() as place:
        parts = place.app.state.parts
        parts = replace(parts, settings=parts.settings.model_copy(update={"workers": 0}))
        with serving_over(parts) as served:
            house = House(place, served, _sound(folder))
            with unhurried():
                house.furnish()
            yield house


_VISITORS = itertools.count()
"""No address comes twice, whichever test asks."""


@contextmanager
def unhurried() -> Iterator[None]:
    """Without limits of tries, in the whole process: a walk opens in a minute what a household opens in a month."""
    with (
        mock.patch.object(attempts, "whose", side_effect=lambda request: f"visitor {next(_VISITORS)}"),
        mock.patch.object(asking, "TEN_A_MINUTE", RateLimitItemPerMinute(1000)),
    ):
        yield


def _sound(folder: Path) -> bytes:
    """Nine seconds of a soft tone, as renditions are."""
    tone = folder / "tone.m4a"
    source = "sine=frequency=220:duration=9:sample_rate=16000"
    made = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", source, "-c:a", "aac", "-movflags", "+faststart"]
    subprocess.run([*made, str(tone)], check=True)
    return tone.read_bytes()


def _cookies(headers: Mapping[str, str]) -> dict[str, str]:
    name, _, value = headers["cookie"].partition("=")
    return {name: value}
