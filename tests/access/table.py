"""The access table: what each route answers to each role, over a story in each of its stages.

It is written by hand, in other words than the code's. ``test_access`` walks every route of the running service by
it, and fails for a route that is not in it. **A new route is one line in TABLE**: method and path, who is asked in at
the door, what the gate asks of the story (a column of STAGES; nothing where it concerns no story), what it answers
if not 200, and for programs the scope that a key needs::

    f"GET {API}{STORY}/letters": Way(SIGNED_IN, "cares", scope=READ),
    f"POST {STORY}/letters": Way(SIGNED_IN, "cares", BACK, sends=form(kind="printed")),

``place.Place.tell`` fills in the words in braces. A new kind of reader is a line in ROLES, and its name in the columns
of STAGES where it belongs; ``place.Place.come_in`` lets it in. A new state of things is a line in STAGES.

Answers are found from the outside in. Who is not asked in at the door gets 401 (nobody) or 403; who does not reach
the collection, 404; whom the gate lets through, what the route gives. Of the others, who may read the story gets
403; who could until it was withdrawn, 410; everybody else 404, as if it had never been.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from models.roles import Scope
from tests.access.stages import (
    ADMINISTRATOR,
    ANYONE,
    CANNOT_REOPEN,
    COORDINATORS,
    COORDINATORS_HERE,
    CURATOR_HERE,
    CURATORS,
    FACILITATOR,
    FACILITATORS,
    FIRST,
    HEARD_BY_OTHERS,
    LINK_ENDED,
    MOST_OPEN,
    NOBODY_SPOKE,
    NOT_COLLECTED,
    NOT_HELD,
    PAST_REVIEW,
    REPORTER,
    SENDERS,
    SENDERS_HERE,
    SIGNED_IN,
    STAGES,
    TEAM_HERE,
    TEAMS,
    TELLER,
    WITHOUT_ACCOUNT,
    Names,
)
from tests.plugins.stories import THEME

# ---- ways: one route each ----------------------------------------------------------------------------------------

OK, MADE, TAKEN, BACK = 200, 201, 202, 303
READ, WRITE, REVIEW = Scope.STORIES_READ, Scope.STORIES_WRITE, Scope.REVIEW
PULL, COLLECT = Scope.COLLECTIONS_READ, Scope.COLLECTIONS_WRITE


def form(**fields: str) -> dict[str, Any]:
    """What a page's form sends."""
    return {"data": fields}


def body(**members: Any) -> dict[str, Any]:
    """What a program sends."""
    return {"json": members}


def tus(**headers: str) -> dict[str, Any]:
    """What a program sends that goes on with an upload."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return {"headers": {"Tus-Resumable": "1.0.0", **named}}


@dataclass(frozen=True)
class Way:
    """A route: who is asked in, what the gate asks of the story, and what who comes through both is answered.

    :param but: another answer than ``gives``, in these stages
    :param reach: who reaches the collection or pilot that it is of; to others there is none
    :param fills: other words for some of those in braces
    :param is_once: it concerns no story, so that one stage will do
    :param is_of_story: what it names goes with the story: once that is erased, nobody is told more than that
    :param is_public: whoever comes is answered as nobody in particular is
    """

    door: Names
    gate: str = ""
    gives: int = OK
    but: Mapping[int, Collection[str]] = field(default_factory=dict)
    scope: Scope | None = None
    sends: Mapping[str, Any] = field(default_factory=dict)
    reach: Names = ANYONE
    fills: Mapping[str, str] = field(default_factory=dict)
    is_once: bool = False
    is_of_story: bool = False
    is_public: bool = False

    def is_walked(self, role: str, stage: str) -> bool:
        """Whether this cell is opened. Doors do not look at the story: who stays outside tries them in two stages."""
        if self.is_once:
            return stage == FIRST
        stays_outside = role not in self.door or (role in TELLER and self.door != TELLER)
        return not stays_outside or stage in (FIRST, MOST_OPEN)

    def expected(self, role: str, stage: str) -> int:
        """The status that a role is to be answered."""
        if role not in self.door:
            return 401 if role in WITHOUT_ACCOUNT or self.door == TELLER else 403
        if role not in self.reach:
            return 404
        role = "nobody" if self.is_public else role
        story = STAGES[stage]
        if self.door == TELLER and story.gone:
            # Who came by a link sees what became of the story, until the link itself is erased.
            return 401 if stage == "erased" else 410
        if self.is_of_story and stage == "erased":
            return 404
        if not self.gate or role in story.who(self.gate):
            return next((status for status, named in self.but.items() if stage in named), self.gives)
        if role in story.who("reads") and self.gate != "recalled":
            return 403
        return 410 if role in story.who("gone") and self.gate != "recalled" else 404


def of_collection(gate: str = "", gives: int = OK, *, door: Names = TEAMS, **more: Any) -> Way:
    """A route of a collection of the pilot *here*."""
    return Way(door, gate, gives, reach=TEAM_HERE, **more)


def of_pilot(gives: int = OK, **more: Any) -> Way:
    """A route of the pilot *here* that its own curators have; to other pilots' there is none."""
    return Way(CURATORS, gives=gives, reach=CURATOR_HERE, is_once=True, **more)


def of_house(door: Names, gives: int = OK, **more: Any) -> Way:
    """A route that concerns no story."""
    return Way(door, gives=gives, is_once=True, **more)


FILE = {"files": {"file": ("a.wav", b"RIFF", "audio/wav")}}
# What consent was signed on is there, and never replaced.
PDF = {"files": {"file": ("a.pdf", b"%PDF-1.4", "application/pdf")}}
ANSWERED = {"words": "We heard you.", "answered_on": "2026-01-31"}
CALLED = {"pilot": "here", "url": "https://example.org/called"}
ABOUT = form(name="Here", **{"language-en": "yes"})
ONE_ROW = json.dumps([{"file": "a.wav", "title": "Another", "language": "en", "pilot": "here"}])
LOOKED_AT = {"files": {"table": ("rows.csv", b"file,title,language,pilot\na.wav,A,en,here\n", "text/csv")}}
# Who works elsewhere is answered too: that the row is none of theirs.
IMPORTED = FILE | form(rows=ONE_ROW)
SENT_STORY = body(title="Another", language="en", pilots=["here"])
SEGMENT = {"start_seconds": 0, "end_seconds": 3, "text": "I sat down."}
LENGTH, METADATA = {"Upload_Length": "10"}, {"Upload_Metadata": "{upload_metadata}"}
AT_END = {"Upload_Offset": "1000", "Content_Type": "application/offset+octet-stream"}
EMPTY = {"collection_id": "{empty_collection_id}"}

API = "/api/v1"
STORY = "/stories/{story_id}"
RECORDING = f"{STORY}/recordings/{{recording_id}}"
PERSON = f"{STORY}/people/{{person_id}}"
SIGNED = f"{STORY}/consents/{{event_id}}/form"
UPLOAD = "/uploads/{upload_id}"
DESK = "/review/{story_id}"
COLLECTION = "/collections/{collection_id}"
ENTRY = f"{COLLECTION}/entries/{{story_id}}"
RELEASE = f"{COLLECTION}/releases/{{number}}"
RELEASED = f"{RELEASE}/stories/{{story_id}}/{{name}}"
RECALL = "/recalls/{recall_id}/acknowledge"
HOLD = f"{STORY}/holds/{{hold_id}}/lift"
NOTICE = "/notices/{notice_id}/read"
PILOT = "/pilots/{code}"
WEBHOOK = "/webhooks/{webhook_id}"
GOVERNANCE = "/governance/{code}"
ACCOUNT = "/accounts/{account_id}"
PERSONS = "/people/{account_id}"
REPORTERS = "/reporters/{account_id}"
FACTOR = "/account/second-factor"
AGAIN = {"password": "not theirs"}

FOR_PROGRAMS: Mapping[str, Way] = {
    f"GET {API}/openapi.json": of_house(ANYONE),
    f"GET {API}/me": of_house(ANYONE),
    # Nobody here has a password to show once more.
    f"POST {API}/api-keys": of_house(
        SIGNED_IN, 403, sends=body(name="k", scopes=["review"], password="not theirs")
    ),
    f"GET {API}/api-keys": of_house(SIGNED_IN),
    f"DELETE {API}/api-keys/{{key_id}}": of_house(SIGNED_IN, 204, reach=REPORTER),
    f"GET {API}/sessions": of_house(SIGNED_IN),
    f"DELETE {API}/sessions/{{session_id}}": of_house(SIGNED_IN, 204, reach=REPORTER),
    f"GET {API}/accounts": of_house(ADMINISTRATOR),
    f"GET {API}{ACCOUNT}": of_house(ADMINISTRATOR),
    f"POST {API}{ACCOUNT}/close": of_house(ADMINISTRATOR),
    f"POST {API}{ACCOUNT}/reopen": of_house(ADMINISTRATOR),
    f"DELETE {API}{ACCOUNT}/sessions": of_house(ADMINISTRATOR),
    f"DELETE {API}{ACCOUNT}/second-factor": of_house(ADMINISTRATOR, 409),
    # stories
    f"GET {API}/stories": Way(SIGNED_IN, scope=READ),
    f"POST {API}/stories": of_house(SENDERS_HERE, MADE, scope=WRITE, sends=SENT_STORY),
    f"GET {API}{STORY}": Way(ANYONE, "reads", scope=READ),
    f"POST {API}{STORY}/recordings": Way(SENDERS, "sends", MADE, {409: PAST_REVIEW}, WRITE, FILE),
    f"GET {API}{RECORDING}": Way(ANYONE, "reads", scope=READ),
    f"POST {API}{RECORDING}/retry": Way(
        SIGNED_IN, "cares", TAKEN, {409: HEARD_BY_OTHERS}, scope=WRITE, sends=body()
    ),
    f"GET {API}{RECORDING}/original": Way(SIGNED_IN, "reviews", scope=READ),
    f"HEAD {API}{RECORDING}/original": Way(SIGNED_IN, "reviews", scope=READ),
    f"GET {API}{RECORDING}/renditions/{{kind}}": Way(ANYONE, "reads", scope=READ),
    f"HEAD {API}{RECORDING}/renditions/{{kind}}": Way(ANYONE, "reads", scope=READ),
    f"GET {API}{RECORDING}/captions.vtt": Way(ANYONE, "reads", scope=READ),
    # resumable uploads: one that arrived whole
    f"OPTIONS {API}/uploads": of_house(ANYONE, 204),
    f"OPTIONS {API}{UPLOAD}": of_house(ANYONE, 204),
    f"POST {API}/uploads": Way(SENDERS, "sends", MADE, {409: PAST_REVIEW}, WRITE, tus(**LENGTH, **METADATA)),
    f"HEAD {API}{UPLOAD}": Way(SENDERS, "sends", scope=WRITE, sends=tus(), is_of_story=True),
    f"PATCH {API}{UPLOAD}": Way(SENDERS, "sends", 204, scope=WRITE, sends=tus(**AT_END), is_of_story=True),
    f"DELETE {API}{UPLOAD}": Way(SENDERS, "sends", 409, scope=WRITE, sends=tus(), is_of_story=True),
    # consent
    f"GET {API}{STORY}/consents": Way(SIGNED_IN, "cares", scope=READ),
    f"POST {API}{PERSON}/consents": Way(SIGNED_IN, "cares", MADE, scope=WRITE, sends=body(uses=["curation"])),
    f"POST {API}{STORY}/withdraw": Way(SIGNED_IN, "cares", scope=WRITE),
    f"GET {API}{SIGNED}": Way(SIGNED_IN, "cares", OK, {404: NOBODY_SPOKE}, READ),
    f"POST {API}{SIGNED}": Way(SIGNED_IN, "cares", 409, {404: NOBODY_SPOKE}, WRITE, PDF),
    f"GET {API}{PERSON}/receipt": Way(SIGNED_IN, "cares", OK, {404: NOBODY_SPOKE}, READ),
    f"GET {API}{STORY}/everything.zip": Way(SIGNED_IN, "cares", scope=READ),
    f"POST {API}{PERSON}/link": Way(SIGNED_IN, "cares", MADE, scope=WRITE),
    f"DELETE {API}{PERSON}/link": Way(SIGNED_IN, "cares", 204, scope=WRITE),
    # care, and what people are told
    f"POST {API}{STORY}/concerns": Way(SIGNED_IN, "reads", MADE, scope=READ, sends=body(note="n")),
    f"POST {API}{STORY}/embargoes": Way(SIGNED_IN, "cares", MADE, scope=WRITE, sends=body()),
    f"GET {API}{STORY}/holds": Way(CURATORS, "reviews", scope=REVIEW),
    f"POST {API}{HOLD}": Way(CURATORS, "reviews", OK, {404: NOT_HELD}, REVIEW),
    f"GET {API}/notices": Way(SIGNED_IN, scope=READ),
    f"POST {API}{NOTICE}": Way(SIGNED_IN, "recalled", scope=READ),
    # a pilot, for its own curators
    f"GET {API}{PILOT}": of_pilot(scope=REVIEW),
    f"PUT {API}{PILOT}/protocol": of_pilot(scope=REVIEW, sends=body(uses=["curation"])),
    f"PUT {API}{PILOT}/governance": of_pilot(scope=REVIEW, sends=body(terms="t")),
    f"GET {API}{PILOT}/wordings": of_pilot(scope=REVIEW),
    f"POST {API}{PILOT}/wordings": of_pilot(MADE, scope=REVIEW, sends=body(language="en", text="t")),
    # review
    f"GET {API}{RECORDING}/transcript": Way(ANYONE, "reads", scope=READ),
    f"PUT {API}{RECORDING}/transcript": Way(
        CURATORS, "reviews", scope=REVIEW, sends=body(based_on_version=1, segments=[SEGMENT])
    ),
    f"POST {API}{RECORDING}/transcript/{{version}}/approve": Way(CURATORS, "reviews", scope=REVIEW),
    f"GET {API}{STORY}/themes": Way(CURATORS, "reviews", scope=REVIEW),
    f"PUT {API}{STORY}/themes/{{theme}}/accepted": Way(CURATORS, "reviews", scope=REVIEW),
    f"PUT {API}{STORY}/themes/{{theme}}/rejected": Way(CURATORS, "reviews", scope=REVIEW),
    f"GET {API}{STORY}/steps": Way(CURATORS, "reviews", scope=REVIEW),
    f"POST {API}{STORY}/steps": Way(
        CURATORS, "reviews", OK, {409: CANNOT_REOPEN}, REVIEW, body(verb="reopen")
    ),
    f"GET {API}{STORY}/journal": Way(CURATORS, "reviews", scope=REVIEW),
    f"GET {API}{STORY}/review-copies": Way(CURATORS, "reviews", scope=REVIEW),
    f"POST {API}{STORY}/review-copies": Way(CURATORS, "reviews", MADE, scope=REVIEW),
    # search
    f"GET {API}/search": Way(ANYONE, scope=READ),
    # collections
    f"GET {API}/collections": Way(TEAMS, scope=PULL),
    f"POST {API}/collections": of_house(TEAM_HERE, MADE, scope=COLLECT, sends=body(pilot="here", title="A")),
    f"GET {API}{COLLECTION}": of_collection(scope=PULL),
    f"POST {API}{COLLECTION}/entries": of_collection(
        "collects", MADE, scope=COLLECT, sends=body(story_id="{story_id}"), fills=EMPTY
    ),
    f"PUT {API}{COLLECTION}/entries": of_collection(scope=COLLECT, sends=body(story_ids="{in_order}")),
    f"PUT {API}{ENTRY}/note": of_collection(but={404: NOT_COLLECTED}, scope=COLLECT, sends=body(note="n")),
    f"DELETE {API}{ENTRY}": of_collection(but={404: NOT_COLLECTED}, scope=COLLECT),
    f"POST {API}{COLLECTION}/query": of_collection(scope=COLLECT, fills=EMPTY),
    f"GET {API}{COLLECTION}/releases": of_collection(scope=PULL),
    f"POST {API}{COLLECTION}/releases": of_collection(gives=MADE, scope=COLLECT),
    f"GET {API}{RELEASE}": of_collection(scope=PULL),
    f"GET {API}{RELEASE}/download.zip": of_collection(scope=PULL),
    f"GET {API}{RELEASE}/left-out": of_collection(door=CURATORS, scope=PULL),
    f"GET {API}{RELEASED}": of_collection("collects", scope=PULL),
    f"PUT {API}{COLLECTION}/publication": of_collection(door=CURATORS, scope=COLLECT),
    f"DELETE {API}{COLLECTION}/publication": of_collection(door=CURATORS, scope=COLLECT),
    f"GET {API}{COLLECTION}/responses": of_collection(scope=PULL),
    f"POST {API}{COLLECTION}/responses": of_collection(gives=MADE, scope=COLLECT, sends=body(**ANSWERED)),
    f"GET {API}/changes": Way(TEAMS, scope=PULL),
    f"GET {API}/disclosures": Way(CURATORS, scope=PULL),
    f"GET {API}/recalls/tracked": Way(CURATORS, scope=PULL),
    f"GET {API}/recalls": Way(SIGNED_IN, scope=PULL),
    f"POST {API}{RECALL}": Way(SIGNED_IN, "recalled", scope=PULL),
    # webhooks
    f"GET {API}/webhooks": Way(CURATORS, scope=PULL),
    f"POST {API}/webhooks": of_house(CURATOR_HERE, MADE, scope=COLLECT, sends=body(**CALLED)),
    f"GET {API}{WEBHOOK}": of_pilot(scope=PULL),
    f"POST {API}{WEBHOOK}/test": of_pilot(TAKEN, scope=COLLECT),
    f"DELETE {API}{WEBHOOK}": of_pilot(204, scope=COLLECT),
}

FOR_PEOPLE: Mapping[str, Way] = {
    "GET /": Way(ANYONE),
    "GET /sign-in": of_house(ANYONE),
    "POST /sign-in": of_house(ANYONE, 401, sends=form(sign_in_name="x", password="y")),
    "POST /sign-in/code": of_house(ANYONE, 401, sends=form(token="x", code="123456")),
    "POST /sign-out": of_house(ANYONE, BACK),
    "GET /leave": of_house(ANYONE),
    "POST /leave": of_house(ANYONE, BACK),
    "POST /kiosk": of_house(FACILITATOR, BACK),
    "GET /kiosk": of_house(FACILITATOR, BACK),
    "GET /kiosk/end": of_house(SIGNED_IN),
    "POST /kiosk/end": of_house(SIGNED_IN, 403, sends=form(**AGAIN)),
    "GET /come-in/{token}": of_house(ANYONE),
    "POST /come-in": of_house(ANYONE, BACK, sends=form(token="{token}")),
    # my account: nobody here has a password to show once more
    "GET /account": of_house(SIGNED_IN),
    "POST /account/password": of_house(SIGNED_IN, 403, sends=form(new_password="another one", **AGAIN)),
    "POST /account/first-password": of_house(
        SIGNED_IN, BACK, sends=form(sign_in_name="new", password="rain over the allotments")
    ),
    f"GET {FACTOR}": of_house(SIGNED_IN),
    f"POST {FACTOR}": of_house(SIGNED_IN, 403, sends=form(**AGAIN)),
    f"POST {FACTOR}/confirm": of_house(SIGNED_IN, 409, sends=form(code="123456")),
    f"POST {FACTOR}/off": of_house(SIGNED_IN, 403, sends=form(code="123456", **AGAIN)),
    f"POST {FACTOR}/recovery-codes": of_house(SIGNED_IN, 403, sends=form(code="123456", **AGAIN)),
    "POST /account/sessions/{session_id}/end": of_house(SIGNED_IN, BACK, reach=REPORTER),
    "POST /account/sessions/end-others": of_house(SIGNED_IN, BACK),
    "POST /account/keys": of_house(SIGNED_IN, 403, sends=form(name="k", days="1", scope="review", **AGAIN)),
    "POST /account/keys/{key_id}/end": of_house(SIGNED_IN, BACK, reach=REPORTER),
    # people, and somebody's account
    "GET /people": of_house(ADMINISTRATOR),
    f"POST {PERSONS}/roles": of_house(ADMINISTRATOR, BACK, sends=form(pilot="here", role="curator")),
    f"POST {PERSONS}/new-password": of_house(ADMINISTRATOR),
    f"POST {PERSONS}/sessions/{{session_id}}/end": of_house(ADMINISTRATOR, BACK),
    f"POST {PERSONS}/keys/{{key_id}}/end": of_house(ADMINISTRATOR, BACK),
    f"GET {PERSONS}": of_house(ADMINISTRATOR),
    f"POST {PERSONS}/close": of_house(ADMINISTRATOR, BACK),
    f"POST {PERSONS}/reopen": of_house(ADMINISTRATOR, BACK),
    f"POST {PERSONS}/end-sessions-and-keys": of_house(ADMINISTRATOR, BACK),
    f"POST {PERSONS}/reset-second-factor": of_house(ADMINISTRATOR, 409),
    f"POST {PERSONS}/administrator": of_house(ADMINISTRATOR, BACK),
    "GET /problems": of_house(ANYONE),
    "GET /healthz": of_house(ANYONE),
    "GET /readyz": of_house(ANYONE),
    # There is no token in these settings: for nobody is there anything here.
    "GET /metrics": of_house(ANYONE, 404),
    # pilots
    "GET /pilots": Way(ADMINISTRATOR),
    "POST /pilots": of_house(ADMINISTRATOR, BACK, sends=form(code="new", name="New", language="en")),
    f"GET {PILOT}": of_house(ADMINISTRATOR),
    f"GET {PILOT}/settings/{{section}}": of_house(ADMINISTRATOR),
    f"POST {PILOT}/settings/{{section}}": of_house(ADMINISTRATOR, BACK, sends=ABOUT),
    "GET /invitations": of_house(COORDINATORS),
    "POST /invitations": of_house(COORDINATORS_HERE, sends=form(pilot="here", role="reporter", count="2")),
    "POST /invitations/{invitation_id}/revoke": of_house(COORDINATORS, BACK, reach=COORDINATORS_HERE),
    "GET /reporters": of_house(COORDINATORS),
    f"POST {REPORTERS}/way-in": of_house(COORDINATORS, reach=COORDINATORS_HERE),
    f"POST {REPORTERS}/sign-out": of_house(COORDINATORS, BACK, reach=COORDINATORS_HERE),
    "GET /governance": of_house(CURATORS, BACK),
    f"GET {GOVERNANCE}": of_pilot(),
    f"GET {GOVERNANCE}/settings/{{section}}": of_pilot(),
    f"POST {GOVERNANCE}/settings/{{section}}": of_pilot(BACK, sends=ABOUT),
    f"GET {GOVERNANCE}/wordings/{{language}}": of_pilot(),
    f"POST {GOVERNANCE}/wordings": of_pilot(BACK, sends=form(language="en", text="t")),
    f"GET {GOVERNANCE}/programs": of_pilot(),
    f"POST {GOVERNANCE}/keys/{{key_id}}/end": of_pilot(BACK),
    # many recordings at once
    "GET /imports": of_house(FACILITATORS),
    "GET /imports/template.csv": of_house(FACILITATORS),
    "POST /imports/check": of_house(FACILITATORS, sends=LOOKED_AT),
    "POST /imports": of_house(FACILITATORS, sends=IMPORTED),
    # the service itself
    "GET /service": of_house(ADMINISTRATOR),
    "POST /service/examine": of_house(ADMINISTRATOR, BACK),
    "GET /journal": Way(ADMINISTRATOR),
    "POST /journal/verify": of_house(ADMINISTRATOR, BACK),
    # stories
    "GET /stories": Way(SIGNED_IN),
    "GET /stories/new": of_house(SENDERS),
    "POST /stories/new": of_house(SENDERS, BACK),
    "GET /stories/new/aloud/{language}": of_house(SENDERS, fills={"language": "en"}),
    "GET /stories/new/person": of_house(SENDERS, BACK),
    "POST /stories/new/person": of_house(SENDERS, BACK),
    # Nobody here has begun one: they are led to where it begins.
    "GET /stories/new/{step}": of_house(SENDERS, BACK, fills={"step": "title"}),
    "POST /stories/new/{step}": of_house(SENDERS, BACK, fills={"step": "title"}),
    "GET /stories/new/check": of_house(SENDERS, BACK),
    "POST /stories/new/check": of_house(SENDERS, BACK),
    f"GET {STORY}/recording": Way(SENDERS, "sends", OK, {409: PAST_REVIEW}),
    f"GET {STORY}/sent": Way(SIGNED_IN, "cares"),
    f"GET {STORY}": Way(ANYONE, "reads"),
    f"POST {STORY}/recordings": Way(SENDERS, "sends", BACK, {409: PAST_REVIEW}, sends=FILE),
    f"GET {STORY}/record": Way(SENDERS, "sends", OK, {409: PAST_REVIEW}),
    # The same for everybody: without a connection it stands in for the one above.
    "GET /record": of_house(ANYONE),
    "GET /sw.js": of_house(ANYONE),
    f"POST {RECORDING}/retry": Way(SIGNED_IN, "cares", BACK, {409: HEARD_BY_OTHERS}, sends=form(language="")),
    f"GET {RECORDING}/renditions/{{kind}}": Way(ANYONE, "reads"),
    f"HEAD {RECORDING}/renditions/{{kind}}": Way(ANYONE, "reads"),
    f"GET {RECORDING}/captions.vtt": Way(ANYONE, "reads"),
    # consent
    f"GET {PERSON}/consent": Way(SIGNED_IN, "cares"),
    f"POST {PERSON}/consent": Way(SIGNED_IN, "cares", BACK, sends=form(**{"use-curation": "on"})),
    f"GET {PERSON}/ask": Way(SIGNED_IN, "cares"),
    f"POST {PERSON}/ask": Way(SIGNED_IN, "cares", BACK, sends=form(appearance="named")),
    f"GET {SIGNED}": Way(SIGNED_IN, "cares", OK, {404: NOBODY_SPOKE}),
    f"POST {SIGNED}": Way(SIGNED_IN, "cares", 409, {404: NOBODY_SPOKE}, sends=PDF),
    f"GET {PERSON}/link": Way(SIGNED_IN, "cares"),
    f"POST {PERSON}/link": Way(SIGNED_IN, "cares", sends=form(language="en")),
    f"GET {PERSON}/receipt": Way(SIGNED_IN, "cares"),
    f"POST {PERSON}/receipt": Way(SIGNED_IN, "cares"),
    f"POST {PERSON}/link/revoke": Way(SIGNED_IN, "cares", BACK),
    f"GET {STORY}/withdraw": Way(SIGNED_IN, "cares"),
    f"POST {STORY}/withdraw": Way(SIGNED_IN, "cares", sends=form(sure="yes")),
    # care, and what people are told
    f"GET {STORY}/concern": Way(SIGNED_IN, "reads"),
    f"POST {STORY}/concern": Way(SIGNED_IN, "reads", sends=form(note="n")),
    f"GET {STORY}/embargo": Way(SIGNED_IN, "cares"),
    f"POST {STORY}/embargo": Way(SIGNED_IN, "cares", BACK, sends=form(until="")),
    f"POST {HOLD}": Way(CURATORS, "reviews", BACK, {404: NOT_HELD}),
    f"GET {PERSON}/letter": Way(SIGNED_IN, "cares"),
    "GET /notices": Way(SIGNED_IN),
    f"POST {NOTICE}": Way(SIGNED_IN, "recalled", BACK),
    # review
    "GET /review": Way(CURATORS),
    f"GET {DESK}": Way(CURATORS, "reviews"),
    f"POST {DESK}/recordings/{{recording_id}}/transcript": Way(
        CURATORS, "reviews", BACK, sends=form(based_on_version="1")
    ),
    f"PUT {DESK}/recordings/{{recording_id}}/draft": Way(
        CURATORS, "reviews", sends=body(based_on="1", segments=[])
    ),
    f"GET {DESK}/recordings/{{recording_id}}/versions": Way(CURATORS, "reviews"),
    f"POST {DESK}/recordings/{{recording_id}}/versions/{{version}}/restore": Way(CURATORS, "reviews", BACK),
    f"GET {DESK}/progress": Way(CURATORS, "reviews"),
    f"POST {DESK}/take": Way(CURATORS, "reviews", BACK),
    f"POST {DESK}/put-back": Way(CURATORS, "reviews", BACK),
    f"POST {DESK}/stay": Way(CURATORS, "reviews", 204),
    f"POST {DESK}/comments": Way(CURATORS, "reviews", BACK, sends=form(text="t")),
    # Nobody here has said anything.
    f"POST {DESK}/comments/{{comment_id}}/take-back": Way(CURATORS, "reviews", 404),
    "POST /review/next": Way(CURATORS, gives=BACK),
    "GET /review/several": Way(CURATORS),
    "POST /review/several": Way(CURATORS, gives=BACK, sends=form(act="take", story="{story_id}")),
    "POST /review/several/undo": Way(CURATORS, gives=BACK, sends=form(act="take", story="{story_id}")),
    f"POST {DESK}/themes": Way(CURATORS, "reviews", BACK, sends=form(theme=THEME, decision="accepted")),
    f"POST {STORY}/review-copy": Way(CURATORS, "reviews", BACK),
    f"POST {DESK}/steps": Way(CURATORS, "reviews", BACK, {409: CANNOT_REOPEN}, sends=form(verb="reopen")),
    # search
    "GET /search": Way(ANYONE),
    f"GET /search{STORY}": Way(ANYONE, "reads"),
    f"POST /search{STORY}/collect": of_collection(
        "collects", BACK, sends=form(collection_id="{empty_collection_id}")
    ),
    # charts
    "GET /charts": Way(TEAMS),
    # the public site: who is signed in sees what everybody sees
    "GET /listen": Way(ANYONE),
    f"GET /listen{COLLECTION}": Way(ANYONE),
    f"GET /listen{STORY}": Way(ANYONE, "reads", is_public=True),
    f"GET /listen{STORY}/concern": Way(ANYONE, "reads", is_public=True),
    f"POST /listen{STORY}/concern": Way(ANYONE, "reads", BACK, is_public=True, sends=form(note="n")),
    "GET /listen/thank-you": of_house(ANYONE),
    "GET /listen/embed/{story_id}": Way(ANYONE, "reads", is_public=True),
    # collections
    "GET /collections": Way(SIGNED_IN),
    "POST /collections": of_house(TEAM_HERE, BACK, sends=form(pilot="here", title="A")),
    f"GET {COLLECTION}": of_collection(),
    f"POST {COLLECTION}/entries": of_collection(
        "collects", BACK, sends=form(story_id="{story_id}"), fills=EMPTY
    ),
    f"POST {COLLECTION}/notes": of_collection(gives=BACK),
    f"POST {ENTRY}/move": of_collection(gives=BACK, but={404: NOT_COLLECTED}, sends=form(where="up")),
    f"POST {ENTRY}/remove": of_collection(gives=BACK, but={404: NOT_COLLECTED}),
    f"POST {COLLECTION}/query": of_collection(gives=BACK, fills=EMPTY),
    f"POST {COLLECTION}/releases": of_collection(gives=BACK),
    f"GET {RELEASE}": of_collection(),
    f"GET {RELEASE}/manifest.json": of_collection(),
    f"GET {RELEASE}/download.zip": of_collection(),
    f"GET {RELEASED}": of_collection("collects"),
    f"POST {COLLECTION}/publication": of_collection(door=CURATORS, gives=BACK, sends=form(is_public="yes")),
    f"GET {COLLECTION}/responses/new": of_collection(),
    f"POST {COLLECTION}/responses": of_collection(gives=BACK, sends=form(**ANSWERED)),
    "GET /collections/recalls": Way(CURATORS),
    f"POST /collections{RECALL}": Way(SIGNED_IN, "recalled", BACK),
    # webhooks
    "GET /webhooks": Way(CURATORS),
    "POST /webhooks": of_house(CURATOR_HERE, sends=form(**CALLED)),
    f"POST {WEBHOOK}/test": of_pilot(BACK),
    f"POST {WEBHOOK}/deliveries/{{delivery_id}}/again": of_pilot(BACK),
    f"POST {WEBHOOK}/remove": of_pilot(BACK),
}
FOR_TELLERS: Mapping[str, Way] = {
    "GET /teller/enter/{token}": Way(
        ANYONE, gives=BACK, but={404: LINK_ENDED}, fills={"token": "{private_token}"}
    ),
    "POST /teller/leave": of_house(ANYONE, BACK),
    "GET /teller/left": of_house(ANYONE),
    "GET /teller": Way(TELLER, "tells"),
    "GET /teller/recordings/{recording_id}/renditions/{kind}": Way(TELLER, "tells"),
    "HEAD /teller/recordings/{recording_id}/renditions/{kind}": Way(TELLER, "tells"),
    "GET /teller/recordings/{recording_id}/captions.vtt": Way(TELLER, "tells"),
    "GET /teller/consent": Way(TELLER, "tells"),
    "GET /teller/aloud/{wording_id}": Way(TELLER, "tells"),
    "POST /teller/consent": Way(TELLER, "tells", BACK, sends=form(appearance="named")),
    "GET /teller/stop/{use}": Way(TELLER, "tells"),
    "POST /teller/stop/{use}": Way(TELLER, "tells", BACK, sends=form(sure="yes")),
    "GET /teller/copy": Way(TELLER, "tells"),
    "POST /teller/copy": Way(TELLER, "tells", BACK, sends=form(copy_id="{copy_id}", answer="approved")),
    "GET /teller/receipt": Way(TELLER, "tells", OK, {404: NOBODY_SPOKE}),
    "GET /teller/receipt.json": Way(TELLER, "tells", OK, {404: NOBODY_SPOKE}),
    "GET /teller/everything.zip": Way(TELLER, "tells"),
    "GET /teller/withdraw": Way(TELLER, "tells"),
    "POST /teller/withdraw": Way(TELLER, "tells", sends=form(sure="yes")),
}

TABLE: Mapping[str, Way] = {**FOR_PROGRAMS, **FOR_PEOPLE, **FOR_TELLERS}

# Files that are the same for everybody.
MOUNTED = {"/static"}
# Answered to a key whatever its scopes are: what the service is, who the key is of; and over keys it has no say.
WITHOUT_SCOPE = {
    f"GET {API}/openapi.json",
    f"GET {API}/me",
    f"POST {API}/api-keys",
    f"GET {API}/api-keys",
    f"DELETE {API}/api-keys/{{key_id}}",
    f"GET {API}/sessions",
    f"DELETE {API}/sessions/{{session_id}}",
    f"GET {API}/accounts",
    f"GET {API}{ACCOUNT}",
    f"POST {API}{ACCOUNT}/close",
    f"POST {API}{ACCOUNT}/reopen",
    f"DELETE {API}{ACCOUNT}/sessions",
    f"DELETE {API}{ACCOUNT}/second-factor",
    f"OPTIONS {API}/uploads",
    f"OPTIONS {API}{UPLOAD}",
}
