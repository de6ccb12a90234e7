"""My account: a new password by oneself, the sessions and keys that stand; and accounts as administrators see them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from fastapi.testclient import TestClient
from structlog.testing import capture_logs

from app.operations.logs import configure_logging
from app.web.cookies import SESSION_COOKIE
from models.journal import JournalEntry
from models.roles import Principal, Role
from tests.app.conftest import Rooms, forms_of
from tests.app.people.conftest import PASSWORD, sign_in

ANOTHER = "another bench, another well"


def is_in(browser: TestClient) -> bool:
    return browser.get("/stories").status_code == 200


def acts(rooms: Rooms) -> list[tuple[str, str, str | None]]:
    with rooms.database.read() as session:
        found = session.query(JournalEntry).order_by(JournalEntry.sequence)
        return [(each.actor, each.act, each.subject) for each in found]


# ---- password ----------------------------------------------------------------------------------------------------


def test_password_is_changed_by_whoever_knows_it_and_other_sessions_end(
    rooms: Rooms, cleo: Principal
) -> None:
    here, elsewhere, program = rooms.browser(cleo), rooms.browser(cleo), rooms.program(cleo)
    (form,) = forms_of(here.get("/account").text, "/account/password")
    assert (
        here.post("/account/password", data=form.filled(password="not it", new_password=ANOTHER)).status_code
        == 403
    )
    assert is_in(elsewhere), "nothing was changed"
    sent = form.filled(password=PASSWORD, new_password=ANOTHER)
    assert here.post("/account/password", data=sent).status_code == 303
    assert (is_in(here), is_in(elsewhere)) == (True, False)
    assert program.get("/api/v1/me").status_code == 401, "ticked unless they say otherwise"
    assert sign_in(rooms.visitor(), "cleo").status_code == 401
    assert sign_in(rooms.visitor(), "cleo", ANOTHER).status_code == 303


def test_keys_stay_if_their_owner_says_so(rooms: Rooms, cleo: Principal) -> None:
    here, program = rooms.browser(cleo), rooms.program(cleo)
    here.post("/account/password", data={"password": PASSWORD, "new_password": ANOTHER})
    assert program.get("/api/v1/me").status_code == 200


@pytest.mark.parametrize(
    ("chosen", "says"),
    [
        ("short", "between 12 and 200"),
        ("password12345", "Too many people"),
        ("cleo cleo 1234", "made of your name"),
    ],
)
def test_new_password_is_no_weaker_than_a_first_one(
    rooms: Rooms, cleo: Principal, chosen: str, says: str
) -> None:
    refused = rooms.browser(cleo).post(
        "/account/password", data={"password": PASSWORD, "new_password": chosen}
    )
    assert (refused.status_code, says in refused.text) == (422, True)
    assert sign_in(rooms.visitor(), "cleo").status_code == 303


# ---- sessions and keys -------------------------------------------------------------------------------------------


def test_sessions_are_listed_and_ended_by_their_owner_alone(
    rooms: Rooms, cleo: Principal, make_person: Callable[..., Principal]
) -> None:
    here, lost = rooms.browser(cleo), rooms.browser(cleo)
    listed = here.get("/api/v1/sessions").json()
    assert sorted(each["is_this_one"] for each in listed) == [False, True]
    assert not any(client.cookies[SESSION_COOKIE] in str(listed) for client in (here, lost))
    (other,) = [each["id"] for each in listed if not each["is_this_one"]]
    stranger = rooms.browser(make_person("rosa", Role.REPORTER))
    assert stranger.delete(f"/api/v1/sessions/{other}").status_code == 404
    assert stranger.post(f"/account/sessions/{other}/end").status_code == 404
    assert is_in(lost)
    (form,) = forms_of(here.get("/account").text, f"/account/sessions/{other}/end")
    assert here.post(form.action).headers["location"] == "/account#sessions"
    assert (is_in(here), is_in(lost)) == (True, False)
    assert here.delete(f"/api/v1/sessions/{other}").status_code == 404


def test_all_other_sessions_end_by_one_press(rooms: Rooms, cleo: Principal) -> None:
    here, others = rooms.browser(cleo), [rooms.browser(cleo) for _ in range(2)]
    (form,) = forms_of(here.get("/account").text, "/account/sessions/end-others")
    here.post(form.action)
    assert (is_in(here), [is_in(each) for each in others]) == (True, [False, False])


def test_key_lists_and_ends_no_sessions(rooms: Rooms, cleo: Principal) -> None:
    program = rooms.program(cleo)
    assert program.get("/api/v1/sessions").status_code == 403
    assert program.delete(f"/api/v1/sessions/{'0' * 32}").status_code == 403


def test_key_is_made_and_ended_on_the_page(rooms: Rooms, cleo: Principal) -> None:
    browser = rooms.browser(cleo)
    (form,) = forms_of(browser.get("/account").text, "/account/keys")
    sent = form.filled(name="the laptop", scope="review", password=PASSWORD)
    page = browser.post("/account/keys", data=sent)
    token = page.text.split('<code class="cr-link">')[1].split("<")[0]
    program = rooms.visitor(accept="application/json", authorization=f"Bearer {token}")
    assert program.get("/api/v1/me").json()["scopes"] == ["review"]
    shown = browser.get("/account").text
    assert ("the laptop" in shown, token in shown) == (True, False)
    (key,) = browser.get("/api/v1/api-keys").json()
    assert browser.post(f"/account/keys/{key['id']}/end").status_code == 303
    assert program.get("/api/v1/me").status_code == 401
    assert browser.post("/account/keys", data=sent | {"password": "wrong"}).status_code == 403
    assert browser.post("/account/keys", data=sent | {"scope": []}).status_code == 422


# ---- administrators ----------------------------------------------------------------------------------------------


@pytest.fixture
def ada(make_person: Callable[..., Principal]) -> Principal:
    return make_person("ada", is_administrator=True)


def test_administrator_closes_and_opens_an_account(rooms: Rooms, ada: Principal, cleo: Principal) -> None:
    office, browser, program = rooms.browser(ada), rooms.browser(cleo), rooms.program(cleo)
    address = f"/people/{cleo.account_id}"
    assert f'href="{address}"' in office.get("/people").text
    (form,) = forms_of(office.get(address).text, f"{address}/close")
    assert office.post(form.action).headers["location"] == address
    assert not is_in(browser)
    assert program.get("/api/v1/me").status_code == 401
    assert sign_in(rooms.visitor(), "cleo").status_code == 401
    assert f'href="{address}"' not in office.get("/people").text
    assert f'href="{address}"' in office.get("/people?closed=yes").text
    (form,) = forms_of(office.get(address).text, f"{address}/reopen")
    office.post(form.action)
    assert sign_in(rooms.visitor(), "cleo").status_code == 303
    assert not is_in(browser), "what ended stays ended"
    done = [(act, subject) for actor, act, subject in acts(rooms) if actor == ada.account_id]
    assert ("close-account", cleo.account_id) in done
    assert ("reopen-account", cleo.account_id) in done


def test_administrator_ends_sessions_and_keys_and_resets_a_second_factor(
    rooms: Rooms, ada: Principal, cleo: Principal, secured: list[str]
) -> None:
    office, browser, program = rooms.browser(ada), rooms.browser(cleo), rooms.program(cleo)
    address = f"/people/{cleo.account_id}"
    for action in ("end-sessions-and-keys", "reset-second-factor"):
        (form,) = forms_of(office.get(address).text, f"{address}/{action}")
        assert office.post(form.action).status_code == 303
    assert not is_in(browser)
    assert program.get("/api/v1/me").status_code == 401
    assert sign_in(rooms.visitor(), "cleo").status_code == 303, "the password alone opens it"
    assert (ada.account_id, "reset-second-factor", cleo.account_id) in acts(rooms)


def test_accounts_are_administered_by_program_in_a_session(
    rooms: Rooms, ada: Principal, cleo: Principal, secured: list[str]
) -> None:
    office, api = rooms.browser(ada), f"/api/v1/accounts/{cleo.account_id}"
    rooms.browser(cleo)
    found = {each["sign_in_name"]: each for each in office.get("/api/v1/accounts").json()}
    assert found["cleo"] == office.get(api).json()
    assert found["cleo"] == {
        "id": cleo.account_id,
        "name": "Cleo",
        "sign_in_name": "cleo",
        "is_active": True,
        "is_administrator": False,
        "has_second_factor": True,
        "sessions": 1,
        "api_keys": 0,
    }
    assert office.delete(f"{api}/sessions").json()["sessions"] == 0
    assert office.delete(f"{api}/second-factor").json()["has_second_factor"] is False
    again = office.delete(f"{api}/second-factor")
    assert (again.status_code, again.json()["code"]) == (409, "second-factor-is-off")
    assert office.post(f"{api}/close").json()["is_active"] is False
    assert office.post(f"{api}/reopen").json()["is_active"] is True
    itself = office.post(f"/api/v1/accounts/{ada.account_id}/close")
    assert (itself.status_code, itself.json()["code"]) == (409, "last-administrator")
    unknown = office.post(f"/api/v1/accounts/{'0' * 32}/close")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "account-not-found")
    assert rooms.program(ada).get("/api/v1/accounts").status_code == 403, "no key administers"


def test_somebody_else_is_let_run_the_service_and_then_the_first_may_go(
    rooms: Rooms, ada: Principal, cleo: Principal
) -> None:
    office, address = rooms.browser(ada), f"/people/{cleo.account_id}"
    assert office.post(f"/people/{ada.account_id}/administrator").status_code == 409
    (form,) = forms_of(office.get(address).text, f"{address}/administrator")
    office.post(form.action, data=form.fields)
    assert rooms.browser(cleo).get("/pilots").status_code == 200
    assert office.post(f"/people/{ada.account_id}/administrator").status_code == 303
    assert office.get("/pilots").status_code == 403


# ---- what they are told --------------------------------------------------------------------------------------------


def test_account_is_told_of_what_changes_how_it_is_opened(
    rooms: Rooms, ada: Principal, cleo: Principal, secured: list[str]
) -> None:
    office = rooms.browser(ada)
    office.post(f"/people/{cleo.account_id}/new-password")
    waiting = sign_in(rooms.visitor(), "cleo").text
    (form,) = forms_of(waiting, "/sign-in/code")
    for _ in range(5):
        rooms.visitor().post("/sign-in/code", data=form.filled(code="000000"))
    office.post(f"/people/{cleo.account_id}/reset-second-factor")
    browser = rooms.browser(cleo)
    browser.post("/account/password", data={"password": PASSWORD, "new_password": ANOTHER})
    told = [each["kind"] for each in browser.get("/api/v1/notices").json()]
    assert sorted(told) == [
        "password-changed",
        "password-link-made",
        "second-factor-changed",
        "second-factor-changed",
        "wrong-codes",
    ]
    assert 'href="/account"' in browser.get("/notices").text
    assert rooms.browser(ada).get("/api/v1/notices").json() == [], "a first password is no change"


# ---- what is noted -----------------------------------------------------------------------------------------------


def test_journal_says_who_made_a_link_and_what_it_was_used_for(
    rooms: Rooms, ada: Principal, cleo: Principal
) -> None:
    office = rooms.browser(ada)
    page = office.post(f"/people/{cleo.account_id}/new-password").text
    office.post("/invitations", data={"pilot": "spring", "role": "reporter"})
    token = page.split("/come-in/")[1].split("<")[0]
    rooms.visitor().post("/come-in", data={"token": token, "password": ANOTHER})
    noted = acts(rooms)
    assert (ada.account_id, "make-link-new-password", cleo.account_id) in noted
    assert "make-link-invitation" in [act for actor, act, _ in noted if actor == ada.account_id]
    assert "use-link-new-password" in [act for actor, act, _ in noted if actor == cleo.account_id]
    assert token not in str(noted)


def test_failed_sign_in_is_logged_with_account_and_address_and_without_what_was_typed(
    rooms: Rooms, cleo: Principal
) -> None:
    configure_logging()
    with capture_logs() as noted:
        sign_in(rooms.visitor(), "cleo", "a secret in the wrong place")
        sign_in(rooms.visitor(), "a secret in the wrong field", "x")
    failed = [each for each in noted if each["event"] == "sign-in failed"]
    assert [each["account"] for each in failed] == [cleo.account_id, None]
    assert all(each["address"].startswith("10.") for each in failed)
    assert "secret" not in str(noted)


def test_sign_out_is_in_the_journal_and_refusals_and_limits_in_the_log(rooms: Rooms, cleo: Principal) -> None:
    browser = rooms.browser(cleo)
    configure_logging()
    with capture_logs() as noted:
        browser.get("/pilots")
        browser.get(f"/come-in/{'x' * 43}")
        browser.post("/sign-out", headers={"origin": "https://evil.example"})
        guesser = rooms.visitor()
        for _ in range(11):
            sign_in(guesser, "nobody", "x")
    refused = [each for each in noted if each["event"] == "refused"]
    assert [(each["status"], each["code"], each["account"]) for each in refused] == [
        (403, "role-missing", cleo.account_id),
        (403, "foreign-origin", None),
        (429, "too-many-attempts", None),
    ]
    assert refused[0]["route"] == "/pilots"
    browser.post("/sign-out")
    assert acts(rooms)[-1] == (cleo.account_id, "sign-out", None)
