"""Notices say where to look and never what; they can be read, printed, and sent where a server takes them."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from app.notices.mail import send_waiting
from app.notices.words import BODIES, SUBJECTS, body_of, place_of
from app.tellers.words import ANSWERS
from app.web.translation import Translator
from models.accounts import Account
from models.notices import Notice, NoticeKind
from models.roles import Role
from models.stories import Story, StoryPerson, TellerContact
from models.tellers import CopyAnswer
from storage import notices
from tests.app.conftest import Rooms


def told(rooms: Rooms, account_id: str | None, kind: NoticeKind, **parameters: str) -> str:
    with rooms.database.write() as session:
        notices.tell_account(session, account_id or "", kind, **parameters)
        return notices.of_account(session, account_id or "")[0].id


@pytest.mark.parametrize("kind", NoticeKind)
def test_every_kind_of_notice_has_words_and_a_place(kind: NoticeKind) -> None:
    assert kind in SUBJECTS
    assert kind in BODIES
    notice = Notice(kind=kind, story_id="1" * 32, parameters={})
    assert "{" not in body_of(notice)
    assert place_of(notice).startswith("/")


def test_notices_are_ones_own_and_stay_until_they_are_read(rooms: Rooms) -> None:
    mine, other = rooms.field.account(Role.CURATOR), rooms.field.account(Role.CURATOR)
    notice_id = told(rooms, mine.account_id, NoticeKind.RETENTION, until="2027-01-01")
    program, browser = rooms.program(mine), rooms.browser(mine)
    (shown,) = program.get("/api/v1/notices").json()
    assert "1 January 2027" in shown["says"]
    assert shown["read_at"] is shown["sent_at"] is None
    assert rooms.program(other).get("/api/v1/notices").json() == []
    assert rooms.program(other).post(f"/api/v1/notices/{notice_id}/read").status_code == 404
    assert ">new<" in browser.get("/notices").text
    assert browser.post(f"/notices/{notice_id}/read").status_code == 303
    assert ">new<" not in browser.get("/notices").text
    assert program.get("/api/v1/notices").json()[0]["read_at"] is not None


def test_how_many_notices_are_unread_stands_beside_the_way_to_them(rooms: Rooms) -> None:
    mine, other = rooms.field.account(Role.CURATOR), rooms.field.account(Role.CURATOR)
    browser = rooms.browser(mine)
    assert '<a href="/notices">Notices</a>' in browser.get("/account").text
    first = told(rooms, mine.account_id, NoticeKind.RETENTION, until="2027-01-01")
    told(rooms, mine.account_id, NoticeKind.PASSWORD_CHANGED)
    told(rooms, other.account_id, NoticeKind.PASSWORD_CHANGED)
    counted = '<a href="/notices">Notices ({}<span class="govuk-visually-hidden"> to read</span>)</a>'
    for address in ("/account", "/notices", "/", "/review/0"):
        assert counted.format(2) in browser.get(address).text, address
    read = [first, told(rooms, mine.account_id, NoticeKind.RETENTION, until="2027-01-02")]
    for notice_id in read:
        browser.post(f"/notices/{notice_id}/read")
    assert counted.format(1) in browser.get("/account").text


def test_only_pages_count_notices(rooms: Rooms, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*asked: object) -> int:
        raise AssertionError("it is no page")

    mine = rooms.field.account(Role.CURATOR)
    monkeypatch.setattr(notices, "unread", refuse)
    browser = rooms.browser(mine)
    assert browser.get("/review/0/progress", headers={"accept": "*/*"}).status_code == 404
    assert rooms.program(mine).get("/api/v1/notices").status_code == 200


def test_a_letter_for_a_person_says_what_is_new_and_names_nobody(rooms: Rooms) -> None:
    sender = rooms.field.account(Role.REPORTER)
    story = rooms.field.story(by=sender, title="Waldemar at the well")
    with rooms.database.write() as session:
        person = session.get_one(StoryPerson, story.people[0].id)
        notices.tell_person(session, person, NoticeKind.CONSENT_ENDS_SOON, until="2027-03-01")
    page = rooms.browser(sender).get(f"/stories/{story.id}/people/{person.id}/letter")
    assert page.status_code == 200
    assert "1 March 2027" in page.text
    assert "Waldemar" not in page.text
    stranger = rooms.browser(rooms.field.account(Role.REPORTER))
    assert stranger.get(f"/stories/{story.id}/people/{person.id}/letter").status_code == 404


def test_a_letter_is_in_the_language_of_its_story_and_what_stands_around_it_in_the_readers(
    rooms: Rooms,
) -> None:
    sender = rooms.field.account(Role.REPORTER)
    story = rooms.field.story(by=sender, language="pl")
    with rooms.database.write() as session:
        person = session.get_one(StoryPerson, story.people[0].id)
        notices.tell_person(session, person, NoticeKind.CONSENT_ENDED, until="2027-03-01")
    page = rooms.browser(sender).get(
        f"/stories/{story.id}/people/{person.id}/letter", headers={"accept-language": "sv"}
    )
    assert page.headers["content-language"] == "pl"
    assert "1 marca 2027" in page.text
    assert '<div class="cr-not-printed" lang="sv">' in page.text


def test_what_a_teller_answered_is_said_in_the_readers_language() -> None:
    notice = Notice(kind=NoticeKind.REVIEW_COPY_ANSWERED, story_id="1" * 32, parameters={"answer": "stopped"})
    assert Translator("pl")(ANSWERS[CopyAnswer.STOPPED]) in body_of(notice, Translator("pl"))


# ---- by mail -----------------------------------------------------------------------------------------------------


class MailServer(socketserver.StreamRequestHandler):
    """As much of RFC 5321 as a client needs to hand over a message; it refuses the address refused@example.org."""

    taken: list[str]

    def handle(self) -> None:
        self.wfile.write(b"220 here\r\n")
        for line in self.rfile:
            verb = line.decode().strip().upper()
            if verb.startswith("DATA"):
                self.wfile.write(b"354 go on\r\n")
                body = []
                for each in self.rfile:
                    if each == b".\r\n":
                        break
                    body.append(each.decode())
                self.server.taken.append("".join(body))  # type: ignore[attr-defined]
                self.wfile.write(b"250 taken\r\n")
            elif verb.startswith("QUIT"):
                self.wfile.write(b"221 bye\r\n")
                return
            elif verb.startswith("RCPT TO:<REFUSED@"):
                self.wfile.write(b"550 no\r\n")
            else:
                self.wfile.write(b"250 yes\r\n")


@contextmanager
def mail_server() -> Iterator[tuple[int, list[str]]]:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), MailServer) as server:
        server.taken = []  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1], server.taken  # type: ignore[attr-defined]
        server.shutdown()


def addressed(rooms: Rooms, address: str) -> str:
    person = rooms.field.account(Role.CURATOR)
    with rooms.database.write() as session:
        session.get_one(Account, person.account_id).sign_in_name = address
    return person.account_id or ""


def test_nothing_is_sent_or_called_sent_without_a_server(rooms: Rooms) -> None:
    account_id = addressed(rooms, "maria@example.org")
    told(rooms, account_id, NoticeKind.RETENTION)
    assert send_waiting(rooms.parts) == 0
    with rooms.database.read() as session:
        assert notices.of_account(session, account_id)[0].sent_at is None


def test_mails_say_that_there_is_something_and_not_what_once_each(rooms: Rooms) -> None:
    with mail_server() as (port, taken):
        settings = rooms.parts.settings.model_copy(
            update={"smtp_host": "127.0.0.1", "smtp_port": port, "smtp_tls": "none"}
        )
        parts = type(rooms.parts)(settings, rooms.database, rooms.parts.objects, rooms.parts.codebook)
        good, refused = addressed(rooms, "maria@example.org"), addressed(rooms, "refused@example.org")
        without = rooms.field.account(Role.CURATOR).account_id
        for account_id in (refused, good, without):
            told(rooms, account_id, NoticeKind.SAFEGUARDING)
        story = rooms.field.story(title="Waldemar at the well")
        with rooms.database.write() as session:
            person = session.get_one(Story, story.id).people[0]
            session.add(TellerContact(person_id=person.id, contact="teller@example.org"))
            notices.tell_person(session, person, NoticeKind.RESPONSE)
        assert send_waiting(parts) == 2
        assert send_waiting(parts) == 0
        assert len(taken) == 2
        for mail in taken:
            assert story.id not in mail
            assert "Waldemar" not in mail
            assert "safeguarding" not in mail.lower()
        with rooms.database.read() as session:
            assert notices.of_account(session, good)[0].sent_at is not None
            assert notices.of_account(session, refused)[0].sent_at is None
