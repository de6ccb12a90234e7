"""A running service with somebody of every role, and a story in one stage that some of them may not see."""

from __future__ import annotations

import asyncio
import io
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2

from app.access import SESSION_COOKIE, TELLER_COOKIE
from app.main import create_app
from app.parts import Parts
from app.settings import Settings
from models.accounts import Account, LinkPurpose
from models.consent import Giver
from models.roles import Principal, Role, Scope
from models.stories import Story
from pipeline.themes.codebook import load_codebook
from storage import accounts, api_keys, invitations, sign_ins, tellers, webhooks, wordings
from storage.database import Database
from storage.objects import Objects
from tests.access.asking import Raw, ask
from tests.access.stages import ROLES, STAGES, WITHOUT_ACCOUNT
from tests.access.stories import OF_UNKNOWN, Stories
from tests.access.table import TABLE
from tests.access.undone import undone
from tests.plugins.stories import THEME, Field


@dataclass(frozen=True)
class Answer:
    """What came back: a ZIP's members are in its text too."""

    status: int
    headers: str
    text: str

    def names(self, word: str) -> bool:
        return word.casefold() in (self.headers + self.text).casefold()


class Place:
    """A service over real parts. Requests leave no trace in it."""

    def __init__(self, database: Database, objects: Objects, folder: Path) -> None:
        self.database, self._field = database, Field(database)
        self.pilots = {code: self._field.pilot(code) for code in ("here", "elsewhere")}
        settings = Settings(_env_file=None, data=folder, min_free_bytes=0)
        self.app = create_app(Parts(settings, database, objects, load_codebook()))
        self.people: dict[str, Principal] = {}
        self.stories = Stories(database, objects, self.pilots, self.people)
        self.ids: dict[str, Any] = {}
        self._comes_with: dict[str, dict[str, str]] = {}
        self._of_unknown: dict[tuple[str, str], Answer] = {}
        self._asked = 0

    @contextmanager
    def opened(self) -> Iterator[Place]:
        """With everybody there, and a collection of a story that is always shared; in one event loop."""
        for role in ROLES:
            self._comes_with[role] = self.come_in(role)
        self.ids = {
            **OF_UNKNOWN,
            **self.stories.open_collections(),
            "theme": THEME,
            "number": "1",
            "version": "1",
            "comment_id": "0" * 32,
            "kind": "audio",
            "code": "here",
            "use": "curation",
            "name": "captions.vtt",
            "sign_in_name": self._sign_in_name("reporter"),
            "token": self._one_time_link("reporter"),
            "section": "about",
            "language": "en",
            "invitation_id": self._invitation(),
            **self._webhook(),
            "wording_id": self._wording(),
            "key_id": self._made_key("reporter", frozenset(Scope)).key.id,
            "account_id": self.people["reporter"].account_id,
            "session_id": self._session_of("reporter"),
        }
        with asyncio.Runner() as loop:
            self._loop = loop
            yield self

    # ---- who comes ----

    def come_in(self, role: str) -> dict[str, str]:
        """Somebody of a role; the headers by which the service knows them."""
        if role in WITHOUT_ACCOUNT:
            return {}
        held, pilot = ROLES[role]
        person = self._field.account(held, self.pilots.get(pilot), is_administrator=role == "administrator")
        self.people[role] = person
        with self.database.write() as session:
            token = accounts.begin_session(session, session.get_one(Account, person.account_id))
        return {"cookie": f"{SESSION_COOKIE}={token}"}

    def key_of(self, role: str, scopes: frozenset[Scope]) -> dict[str, str]:
        """The headers of a program that has a key of somebody."""
        return {"authorization": f"Bearer {self._made_key(role, scopes).token}"}

    def _made_key(self, role: str, scopes: frozenset[Scope]) -> accounts.MadeApiKey:
        with self.database.write() as session:
            account = session.get_one(Account, self.people[role].account_id)
            return api_keys.make(session, account, "k", scopes, days=1, actor=account.id)

    def _sign_in_name(self, role: str) -> str:
        with self.database.read() as session:
            return session.get_one(Account, self.people[role].account_id).sign_in_name

    def _one_time_link(self, role: str) -> str:
        with self.database.write() as session:
            account_id = self.people[role].account_id
            lasts = timedelta(hours=1)
            return accounts.make_link(session, LinkPurpose.SIGN_IN, account_id=account_id, lasts=lasts)

    def _session_of(self, role: str) -> str:
        with self.database.read() as session:
            return sign_ins.of_account(session, self.people[role].account_id or "")[0].id

    def _invitation(self) -> str:
        here = self.pilots["here"]
        with self.database.write() as session:
            accounts.make_link(session, LinkPurpose.INVITATION, pilot_id=here, role=Role.REPORTER)
            return invitations.standing(session, [here])[0].link.id

    def _wording(self) -> str:
        """A text about consent of the service, which any story's people may have been shown."""
        with self.database.write() as session:
            return wordings.add(session, "en", "We keep it safe.", pilot_id=None, actor="test").id

    def _webhook(self) -> dict[str, str]:
        """A webhook, and something that it did not take."""
        curator = self.people["curator"].account_id or ""
        with self.database.write() as session:
            address = "https://example.org/called"
            webhook = webhooks.register(session, self.pilots["here"], curator, address)
            delivery = webhooks.enqueue_test(session, webhook, actor=curator)
            delivery.next_try_at = None
            return {"webhook_id": webhook.id, "delivery_id": delivery.id}

    def private_link(self, story: Story, giver: Giver = Giver.PERSON) -> tuple[str, dict[str, str]]:
        with self.database.write() as session:
            kept = session.get_one(Story, story.id)
            token = tellers.make_link(session, kept, story.people[0].id, actor="test", giver=giver)
            cookie, _ = tellers.begin_session(session, token)
        return token, {"cookie": f"{TELLER_COOKIE}={cookie}"}

    # ---- what they come to ----

    def tell(self, name: str, *, is_collected: bool = True) -> dict[str, Any]:
        """A story in a stage; the words that routes to it are filled with."""
        stage = STAGES[name]
        story, words = self.stories.tell(stage, is_collected=is_collected)
        words["private_token"], self._comes_with["teller"] = self.private_link(story)
        return {**self.ids, **words, **self.stories.let_happen(stage, story)}

    # ---- what they ask ----

    def ask(self, role: str, name: str, ids: Mapping[str, Any], **more: Any) -> Answer:
        """What a role is answered on a route of the table."""
        return self.ask_with(self._comes_with[role], name, ids, **more)

    def ask_of_unknown(self, role: str, name: str) -> Answer:
        """What a role is answered on a route to a story that never was; asked once, it is the same in all stages."""
        if (role, name) not in self._of_unknown:
            self._of_unknown[role, name] = self.ask(role, name, self.ids)
        return self._of_unknown[role, name]

    def ask_with(self, headers: Mapping[str, str], name: str, ids: Mapping[str, Any], **more: Any) -> Answer:
        """What a route of the table answers to whoever comes with these headers."""
        method, path = name.split()
        way = TABLE[name]
        words = {**ids, **{word: filled(other, ids) for word, other in way.fills.items()}}
        accepts = "application/json" if path.startswith("/api/") else "text/html"
        sends = filled(way.sends, words)
        request = httpx2.Request(
            method,
            f"http://testserver{path.format_map(words)}",
            headers={"accept": accepts, **headers, **sends.pop("headers", {})},
            **sends,
            **more,
        )
        try:
            answer = self.send(request)
        except Exception as error:
            # Also one that comes when the answer has begun, and breaks it off.
            return Answer(500, "{}", repr(error))
        return Answer(answer.status, str(answer.headers), text_of(answer.body))

    def send(self, request: httpx2.Request) -> Raw:
        """What any request is answered; what it writes is taken back. What the application raises is raised."""
        self._asked += 1
        # Attempts to sign in are counted by address.
        address = f"10.7.{self._asked >> 8 & 255}.{self._asked & 255}"
        with undone(self.database):
            return self._loop.run(ask(self.app, request, address))

    def headers_of(self, role: str) -> dict[str, str]:
        """The headers by which the service knows somebody of a role."""
        return self._comes_with[role]


def filled(sends: Any, words: Mapping[str, Any]) -> Any:
    """A request with words in the places of those in braces; one that stands alone may be a list."""
    match sends:
        case str() if sends.startswith("{") and sends.endswith("}"):
            return words[sends[1:-1]]
        case dict():
            return {name: filled(each, words) for name, each in sends.items()}
        case _:
            return sends


def text_of(body: bytes) -> str:
    """A body as text, and the members of a ZIP after it."""
    text = body.decode(errors="replace")
    if body.startswith(b"PK\x03\x04"):
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            members = [archive.read(each).decode(errors="replace") for each in archive.namelist()]
        text += "\n".join([*archive.namelist(), *members])
    return text
