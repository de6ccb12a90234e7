"""The service's rooms in this process, over a real database file: for what needs no recording's bytes."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import structlog
from argon2 import PasswordHasher
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import update

from app.main import create_app, stand_on
from app.operations.logs import configure_logging
from app.parts import Parts
from app.settings import Settings
from app.web.cookies import SESSION_COOKIE, name_of
from models.accounts import Account, ApiKey, OneTimeLink, SignIn, SignInBegun
from models.base import Base
from models.roles import Principal, Scope
from pipeline.themes.codebook import load_codebook
from storage import accounts, api_keys
from storage.database import Database
from storage.objects import Objects
from tests.plugins.stories import Field

# Attempts are counted by address, for the whole process: nobody here shares one with another test.
ADDRESSES = (f"10.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}" for n in itertools.count(1))


_served: list[FastAPI] = []


def served_over(parts: Parts) -> FastAPI:
    """The application over these parts, until the next test asks: each new one would work two hundred routes out."""
    if not _served:
        _served.append(create_app(parts))
    (app,) = _served
    stand_on(app, parts)
    return app


class Rooms:
    """Pages and API, and who comes to them. The store for recordings is never reached."""

    def __init__(self, database: Database, folder: Path, **settings: Any) -> None:
        store = Objects.connect("127.0.0.1:1", access_key="-", secret_key="-", bucket="none", secure=False)
        given: dict[str, Any] = {"data": folder, "workers": 0, "min_free_bytes": 0} | settings
        self.database, self.field = database, Field(database)
        self.parts = Parts(Settings(_env_file=None, **given), database, store, load_codebook())
        self.app = served_over(self.parts)

    def use(self, store: Objects) -> None:
        """With a store that answers."""
        self.parts = dataclasses.replace(self.parts, objects=store)
        stand_on(self.app, self.parts)

    def visitor(self, **headers: str | bytes) -> TestClient:
        """A browser of somebody who has not signed in."""
        return TestClient(
            self.app,
            base_url=self.parts.settings.base_url,
            headers={"accept": "text/html"} | headers,
            client=(next(ADDRESSES), 50_000),
            follow_redirects=False,
            raise_server_exceptions=False,
        )

    def browser(self, person: Principal) -> TestClient:
        """The browser of somebody who has signed in."""
        browser = self.visitor()
        with self.database.write() as session:
            token = accounts.begin_session(session, session.get_one(Account, person.account_id))
        browser.cookies.set(name_of(SESSION_COOKIE, self.parts.settings), token)
        return browser

    def program(self, person: Principal | None = None, *scopes: Scope) -> TestClient:
        """A program that comes with a key of this person, with every scope unless named."""
        if person is None:
            return self.visitor(accept="application/json")
        with self.database.write() as session:
            account = session.get_one(Account, person.account_id)
            key = api_keys.make(
                session, account, "test", scopes or tuple(Scope), days=1, actor=account.id
            ).token
        return self.visitor(accept="application/json", authorization=f"Bearer {key}")

    def later(self, passed: timedelta) -> None:
        """As if this much time had passed for sessions, keys and links."""
        times: tuple[tuple[type[Base], tuple[str, ...]], ...] = (
            (SignIn, ("ends_at", "seen_at")),
            (SignInBegun, ("ends_at",)),
            (ApiKey, ("ends_at",)),
            (OneTimeLink, ("ends_at",)),
        )
        with self.database.write() as session:
            for kind, names in times:
                for row in session.query(kind):
                    for name in names:
                        setattr(row, name, getattr(row, name) - passed)

    def deactivate(self, person: Principal) -> None:
        """The account does not work any more from now on."""
        with self.database.write() as session:
            session.execute(update(Account).where(Account.id == person.account_id).values(is_active=False))


class _FormReader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self._is_chosen_from: str | None = None
        self._text_area: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "form":
            self.forms.append(Form(given.get("action") or "", (given.get("method") or "get").lower()))
        name = given.get("name")
        if not self.forms or tag == "meta":
            return
        form = self.forms[-1]
        if tag == "option" and self._is_chosen_from:
            value = given.get("value") or ""
            form.choices[self._is_chosen_from].append(value)
            if "selected" in given or self._is_chosen_from not in form.fields:
                form.fields[self._is_chosen_from] = value
        if not name:
            return
        if tag == "select":
            self._is_chosen_from, form.choices[name] = name, []
        elif tag == "textarea":
            self._text_area, form.fields[name] = name, ""
        elif tag == "button":
            form.buttons.append((name, given.get("value") or ""))
        elif tag == "input" and given.get("type") in ("radio", "checkbox"):
            form.choices.setdefault(name, []).append(given.get("value") or "on")
            if "checked" in given:
                form.fields[name] = given.get("value") or "on"
        elif tag == "input":
            form.fields[name] = given.get("value") or ""

    def handle_endtag(self, tag: str) -> None:
        if tag == "select":
            self._is_chosen_from = None
        elif tag == "textarea":
            self._text_area = None

    def handle_data(self, data: str) -> None:
        if self._text_area and self.forms:
            self.forms[-1].fields[self._text_area] += data


class Form:
    """A form as a browser without scripts would send it: what stands in it, and what may be chosen."""

    def __init__(self, action: str, method: str) -> None:
        self.action, self.method = action, method
        self.fields: dict[str, str] = {}
        self.choices: dict[str, list[str]] = {}
        self.buttons: list[tuple[str, str]] = []

    def filled(self, **values: str) -> dict[str, str]:
        """The fields with some of them filled in; a name or a choice that the form has not is a mistake."""
        for name, value in values.items():
            assert name in self.fields | self.choices, f"the form has no field {name}"
            assert value in self.choices.get(name, [value]), f"{name} cannot be {value}"
        return self.fields | values


def forms_of(page: str, action: str) -> list[Form]:
    """The forms of a page that are sent to an address."""
    reader = _FormReader()
    reader.feed(page)
    return [form for form in reader.forms if form.action == action]


@pytest.fixture
def cheap_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """Argon2id as it is, at the least cost: tests/app/people/test_people_room.py looks at the real one."""
    hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr(accounts, "_hasher", hasher)
    monkeypatch.setattr(accounts, "_hash_of_nobody", lambda: hasher.hash("nobody"))


@pytest.fixture
def logs_as_served() -> Iterator[None]:
    """The log as the service writes it: the default draws tracebacks with every variable, which takes seconds."""
    before = structlog.get_config()
    configure_logging(is_quiet=True)
    yield
    structlog.configure(**before)


@pytest.fixture
def rooms(sqlite_database: Database, tmp_path: Path, cheap_passwords: None, logs_as_served: None) -> Rooms:
    """The kind of database makes no difference to rooms: what they ask of it is tested on both in tests/storage."""
    return Rooms(sqlite_database, tmp_path)
