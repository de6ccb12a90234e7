"""The table of pages: every page that a person can open, who opens it, and over which story.

``test_pages`` opens each of them and holds it to what holds for all (``checks``, ``keyboard``); it fails for a route of
the running service that answers people and stands in neither PAGES nor NO_PAGES. **A new page is one line in PAGES**::

    Page("GET /stories/{story_id}/letters", "sender", "curated"),
    Page("POST /stories/{story_id}/letters", "sender", "curated", sends={"kind": "printed"}),

``who`` is a role of tests/access or somebody of ``house``; ``story`` a stage of tests/access, or a story of ``house``.
A page that is what a form is answered says what the form ``sends``: it gets a story of its own, and changes that.
All are opened in all the languages; a form that is shown again with what was wrong in it, in two of them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from app.pilots.sections import BY_ADMINISTRATORS, BY_CURATORS
from tests.web.house import BY_GUARDIAN, LONG_TITLE, LONG_WORD, PASSWORD, TOLD_AT_THE_KIOSK

# Who comes with a phone and a bad connection, and may be sent less script.
REPORTERS = frozenset({"nobody", "newcomer", "sender", "reporter", "facilitator", "at the kiosk", "teller"})
# Pressed (gzip), and for curators before they ask for the waveform.
REPORTERS_SCRIPT_BYTES, CURATORS_SCRIPT_BYTES = 40 * 1024, 60 * 1024


@dataclass(frozen=True)
class Page:
    """A page as somebody finds it.

    :param query: what stands behind the address' question mark
    :param status: with what it is answered
    :param sends: the fields of the form that it is the answer to; words in braces are filled in
    :param fills: other words for some of those in braces
    :param before: forms that are sent before, each with its path: what the page needs to have happened
    :param sent_from: the page that the form is sent from, if it is not behind the same address
    :param language: in which it is whoever reads it: that of its story
    :param is_nameless: its title is not the service's: it is what is seen over somebody's shoulder
    """

    route: str
    who: str
    story: str = ""
    query: str = ""
    status: int = 200
    fills: Mapping[str, str] = field(default_factory=dict)
    sends: Mapping[str, str] = field(default_factory=dict)
    before: Sequence[tuple[str, Mapping[str, str]]] = ()
    sent_from: str = ""
    is_nameless: bool = False
    language: str = ""

    @property
    def path(self) -> str:
        return self.route.partition(" ")[2]

    @property
    def is_form_again(self) -> bool:
        """A form that was not taken: a page that is in the table, with what was wrong beside its fields."""
        return bool(self.sends) and self.status in (409, 422)

    @property
    def most_script_bytes(self) -> int:
        return REPORTERS_SCRIPT_BYTES if self.who in REPORTERS else CURATORS_SCRIPT_BYTES

    @property
    def name(self) -> str:
        """What it is called in lists and as a file: its address, who opens it, over which story."""
        address = re.sub(r"[{}]", "", self.path).strip("/").replace("/", ".") or "start"
        rest = [*self.fills.values(), self.query, "sent" if self.sends else "", self.who, self.story]
        rest.append(f"{self.status}" if self.status != 200 else "")
        return "-".join([address, *(re.sub(r"\W+", "_", each.strip("{}")) for each in rest if each)])


STORY, DESK = "GET /stories/{story_id}", "GET /review/{story_id}"
PERSON = "/stories/{story_id}/people/{person_id}"
COLLECTION = "/collections/{collection_id}"
FACTOR = "/account/second-factor"
AGAIN = {"password": PASSWORD}
# What a reporter answers on each page of a story that they send.
ANSWERS: Mapping[str, Mapping[str, str]] = {
    "title": {"title": LONG_TITLE},
    "language": {"language": "fi"},
    "purpose": {"purpose": "both"},
    "teller": {"teller_is": "other", "teller": LONG_WORD},
    "guardian": {"has_guardian": "yes", "guardian": "his sister"},
    "person": {"person": f"my neighbour from {LONG_WORD}", "part": "heard"},
    "others": {"more": "no"},
    "told": {"told_where": LONG_WORD},
    "warning": {"content_warning": f"It speaks of {LONG_WORD}."},
    "agree": {"manner": "form"},
    "uses": {"use-curation": "yes"},
    "appearance": {"appearance": "named"},
    "name": {},
    "contact": {},
}
BEGUN: tuple[str, Mapping[str, str]] = ("/stories/new", {})
ALL_ANSWERED = (BEGUN, *((f"/stories/new/{step}", given) for step, given in ANSWERS.items()))


# What each of a pilot's sections is answered to, where something of a form is wrong.
UNFIT: Mapping[str, Mapping[str, str]] = {
    "about": {"name": "", "others": LONG_WORD},
    "travels": {"label-0-code": "TK NC", "label-1-uri": LONG_WORD},
    "safeguarding": {"safeguarding_name": LONG_WORD},
    "retention": {"unreviewed_days": "many", "originals_days": "0"},
    "quota": {"gigabytes": "many"},
    "weights": {"weights": "huge"},
}
# Questions that do not take every answer.
UNANSWERED: Mapping[str, Mapping[str, str]] = {
    "title": {"title": ""},
    "language": {"language": LONG_WORD},
    "purpose": {},
    "teller": {"teller_is": "other", "teller": ""},
    "guardian": {"has_guardian": "yes", "guardian": ""},
    "agree": {},
    "appearance": {},
}


def asked(step: str) -> Page:
    """A page that asks one question of whoever sends a story; some come, or show more, when all are answered."""
    before = ALL_ANSWERED if step in ("others", "appearance", "name") else [BEGUN]
    return Page("GET /stories/new/{step}", "reporter", fills={"step": step}, before=before)


def refused(step: str) -> Page:
    """The same page, with what was wrong with the answer."""
    before = ALL_ANSWERED if step == "appearance" else [BEGUN]
    return Page(
        "POST /stories/new/{step}",
        "reporter",
        fills={"step": step},
        before=before,
        sends=UNANSWERED[step] or {"nothing": ""},
        sent_from=f"/stories/new/{step}",
        status=422,
    )


def unfit(path: str, who: str, section: str) -> Page:
    """A section of a pilot's settings, with what was wrong with what was sent."""
    address = f"{path}/settings/{{section}}"
    fills = {"section": section}
    return Page(
        f"POST {address}",
        who,
        fills=fills,
        sends=UNFIT[section],
        sent_from=f"{path}/settings/{section}",
        status=422,
    )


FOR_ANYBODY: Sequence[Page] = (
    Page("GET /", "nobody"),
    Page("GET /", "newcomer"),
    Page("GET /", "reporter"),
    Page("GET /", "facilitator"),
    Page("GET /", "curator"),
    Page("GET /", "administrator"),
    Page("GET /sign-in", "nobody"),
    Page("GET /sign-in", "nobody", query="next=%2Fstories%2Fnew"),
    Page("POST /sign-in", "nobody", sends={"sign_in_name": "nobody", "password": "wrong"}, status=401),
    Page("POST /sign-in", "nobody", sends={"sign_in_name": "{keeper_with_codes}", **AGAIN}),
    Page("GET /come-in/{token}", "nobody", fills={"token": "{way_in}"}),
    Page("GET /come-in/{token}", "nobody", fills={"token": "{invitation}"}),
    Page("GET /come-in/{token}", "nobody", fills={"token": "{invitation_of_curator}"}),
    Page(
        "POST /come-in",
        "nobody",
        sends={
            "token": "{invitation_of_curator}",
            "name": LONG_WORD,
            "sign_in_name": "x",
            "password": "short",
        },
        status=422,
    ),
    Page("GET /leave", "nobody", is_nameless=True),
    Page("GET /problems", "nobody"),
    # what is answered to those who are not asked in
    Page("GET /stories", "nobody", status=401),
    Page("GET /pilots", "reporter", status=403),
    Page(STORY, "nobody", "curated", status=404),
    Page(STORY, "sender", "withdrawn", status=410),
    # my account
    Page("GET /account", "keeper"),
    Page("GET /account", "reporter"),
    Page("POST /account/keys", "keeper", sends={"name": "library", "days": "9", "scope": "review", **AGAIN}),
    Page(f"GET {FACTOR}", "keeper"),
    Page(f"GET {FACTOR}", "keeper", query="led=yes"),
    Page(f"GET {FACTOR}", "keeper with codes"),
    Page(f"POST {FACTOR}", "keeper", sends=AGAIN),
    Page(f"POST {FACTOR}/confirm", "keeper", sends={"code": "000000"}, status=422),
    Page(
        f"POST {FACTOR}/recovery-codes",
        "keeper with codes",
        sends={"code": "{recovery_code}", **AGAIN},
    ),
    Page(
        f"POST {FACTOR}/off",
        "keeper with codes",
        sends={"code": "000000", "password": "a guess"},
        sent_from=FACTOR,
        status=403,
    ),
    Page("GET /notices", "team"),
    Page("GET /notices", "newcomer"),
    Page("GET /search", "nobody"),
    Page("GET /search", "team", query="q=well"),
    Page("GET /search", "team", query="q=nothing+of+that+kind"),
)
FOR_THE_PUBLIC: Sequence[Page] = (
    Page("GET /listen", "nobody", "published"),
    Page("GET /listen/collections/{collection_id}", "nobody", "published"),
    Page("GET /listen/stories/{story_id}", "nobody", "published"),
    Page("GET /listen/stories/{story_id}", "nobody", "curated", status=404),
    Page("GET /listen/stories/{story_id}/concern", "nobody", "published"),
    Page(
        "POST /listen/stories/{story_id}/concern",
        "nobody",
        "published",
        sends={"note": " "},
        sent_from="/listen/stories/{story_id}/concern",
        status=422,
    ),
    Page("GET /listen/thank-you", "nobody"),
    Page("GET /listen/embed/{story_id}", "nobody", "published", is_nameless=True),
    Page("GET /listen/embed/{story_id}", "nobody", "curated", is_nameless=True, status=404),
)
FOR_REPORTERS: Sequence[Page] = (
    Page("GET /stories", "sender"),
    Page("GET /stories", "reporter"),
    Page("GET /stories/new", "reporter"),
    *(asked(step) for step in ANSWERS if step != "person"),
    Page("GET /stories/new/person", "reporter", before=[BEGUN]),
    Page("GET /stories/new/check", "reporter", before=ALL_ANSWERED),
    *(refused(step) for step in UNANSWERED),
    Page(
        "POST /stories/new/person",
        "reporter",
        before=[BEGUN],
        sends={"person": "", "part": "heard"},
        sent_from="/stories/new/person",
        status=422,
    ),
    Page("GET /stories/{story_id}/recording", "sender", "nobody asked"),
    Page("GET /stories/{story_id}/record", "sender", "nobody asked"),
    Page("GET /record", "sender"),
    Page("GET /stories/{story_id}/sent", "sender", "nobody asked"),
    Page("GET /stories/{story_id}/sent", "sender", "several people"),
    Page("GET /kiosk", "at the kiosk"),
    Page("GET /kiosk", "at the kiosk", query="led=yes"),
    Page("GET /kiosk/end", "at the kiosk"),
    Page(
        "POST /kiosk/end", "at the kiosk", sends={"password": "a guess"}, sent_from="/kiosk/end", status=403
    ),
    # the link sheet at the kiosk, and the letter
    Page(
        f"POST {PERSON}/link",
        "at the kiosk",
        TOLD_AT_THE_KIOSK,
        sends={"language": "{language}"},
        sent_from=f"{PERSON}/link",
    ),
    Page(f"GET {PERSON}/letter", "at the kiosk", TOLD_AT_THE_KIOSK, language="en"),
    Page("GET /stories/new/{step}", "at the kiosk", fills={"step": "title"}, before=[BEGUN]),
    Page(STORY, "sender", "nobody asked"),
    Page(STORY, "sender", "curated"),
    Page(STORY, "nobody", "published"),
    Page(STORY, "sender", "long words"),
    Page(STORY, "sender", "several people"),
    Page(STORY, "sender", "on its way"),
    Page(STORY, "sender", "being prepared"),
    Page(STORY, "sender", "refused"),
    Page(f"GET {PERSON}/consent", "sender", "nobody asked"),
    Page(f"GET {PERSON}/consent", "sender", "curated"),
    Page(f"GET {PERSON}/consent", "sender", "several people"),
    Page(
        f"POST {PERSON}/consent",
        "sender",
        "curated",
        sends={"manner": "on-behalf", "use-curation": "yes", "until": "2020-01-01"},
        sent_from=f"{PERSON}/consent",
        status=422,
    ),
    Page(f"GET {PERSON}/ask", "sender", "nobody asked"),
    Page(f"GET {PERSON}/ask", "sender", BY_GUARDIAN, query="giver=guardian"),
    Page(
        f"POST {PERSON}/ask",
        "sender",
        "curated",
        sends={"appearance": "named", "until": "2020-01-01"},
        sent_from=f"{PERSON}/ask",
        status=422,
    ),
    Page(f"GET {PERSON}/link", "sender", "curated"),
    Page(f"GET {PERSON}/link", "sender", BY_GUARDIAN),
    Page(
        f"POST {PERSON}/link",
        "sender",
        "curated",
        sends={"language": "{language}"},
        sent_from=f"{PERSON}/link",
    ),
    Page(f"GET {PERSON}/receipt", "sender", "curated"),
    Page(
        f"POST {PERSON}/receipt",
        "sender",
        "curated",
        sends={"language": "{language}"},
        sent_from=f"{PERSON}/receipt",
    ),
    Page(f"GET {PERSON}/letter", "sender", "curated", language="en"),
    Page("GET /stories/{story_id}/withdraw", "sender", "curated"),
    Page(
        "POST /stories/{story_id}/withdraw",
        "sender",
        "curated",
        sends={"sure": "yes"},
        sent_from="/stories/{story_id}/withdraw",
    ),
    Page("GET /stories/{story_id}/concern", "sender", "curated"),
    Page("POST /stories/{story_id}/concern", "sender", "curated", sends={"note": "She is afraid."}),
    Page("GET /stories/{story_id}/embargo", "sender", "curated"),
    Page("GET /imports", "facilitator"),
)
GOVERNANCE = "GET /governance/{code}"
FOR_CURATORS: Sequence[Page] = (
    Page("GET /review", "curator"),
    Page("GET /review", "curator", query="state=in-review"),
    Page("GET /review", "curator", query="state=all"),
    Page("GET /review", "curator elsewhere", query="state=declined"),
    Page("GET /review", "curator", "in review", query="done=put-back&story={story_id}"),
    Page("GET /review/several", "curator"),
    Page("GET /review/several", "curator", "in review", query="act=take&story={story_id}"),
    Page(
        "GET /review/several", "curator", "in review", query="act=accept-theme&story={story_id}", status=422
    ),
    Page(DESK, "curator", "in review"),
    Page(DESK, "curator", "to be masked"),
    Page(DESK, "curator", "curated"),
    Page(DESK, "curator", "flagged"),
    Page(DESK, "curator", "long words"),
    Page(f"{DESK}/recordings/{{recording_id}}/versions", "curator", "in review"),
    Page(
        "POST /review/{story_id}/recordings/{recording_id}/transcript",
        "curator",
        "in review",
        sends={"based_on_version": "0", "segment-0-speaker": "Ada", "segment-0-text": LONG_WORD},
        sent_from="/review/{story_id}",
        status=409,
    ),
    Page("GET /stories/{story_id}/embargo", "curator", "flagged"),
    Page("GET /collections/recalls", "curator"),
    Page("GET /webhooks", "curator"),
    Page("GET /webhooks", "curator elsewhere"),
    Page("POST /webhooks", "curator", sends={"pilot": "here", "url": "{receiver}"}),
    Page(
        "POST /webhooks",
        "curator",
        sends={"pilot": "here", "url": f"http://{LONG_WORD}"},
        sent_from="/webhooks",
        status=422,
    ),
    Page(GOVERNANCE, "curator"),
    *(Page(f"{GOVERNANCE}/settings/{{section}}", "curator", fills={"section": each}) for each in BY_CURATORS),
    *(unfit("/governance/{code}", "curator", each) for each in UNFIT if each in BY_CURATORS),
    Page(f"{GOVERNANCE}/wordings/{{language}}", "curator"),
    Page(
        "POST /governance/{code}/wordings",
        "curator",
        sends={"language": "{language}", "text": ""},
        sent_from="/governance/{code}/wordings/{language}",
        status=422,
    ),
    Page(
        "POST /governance/{code}/wordings",
        "curator",
        query="looks",
        sends={"language": "{language}", "text": LONG_WORD, "look": "yes"},
        sent_from="/governance/{code}/wordings/{language}",
    ),
    Page(f"{GOVERNANCE}/programs", "curator"),
    Page("GET /invitations", "curator"),
    Page("POST /invitations", "curator", sends={"pilot": "here", "role": "reporter", "count": "2"}),
    Page("GET /reporters", "curator"),
    Page("GET /reporters", "curator elsewhere"),
    Page("POST /reporters/{account_id}/way-in", "curator", sends={"sure": "yes"}),
)
FOR_TEAMS: Sequence[Page] = (
    Page("GET /search/stories/{story_id}", "team", "curated"),
    Page("GET /search/stories/{story_id}", "curator", "long words"),
    Page("GET /charts", "team"),
    Page("GET /charts", "team elsewhere"),
    Page("GET /collections", "team", "recalled"),
    Page("GET /collections", "team elsewhere"),
    Page(f"GET {COLLECTION}", "team", "curated"),
    Page(f"GET {COLLECTION}", "curator", "recalled"),
    Page(f"GET {COLLECTION}", "curator", "published"),
    Page(f"GET {COLLECTION}", "team", fills={"collection_id": "{empty_collection_id}"}),
    Page(f"GET {COLLECTION}/responses/new", "team", "curated"),
    Page(
        f"POST {COLLECTION}/responses",
        "team",
        "curated",
        sends={"words": "", "answered_on": "soon"},
        sent_from=f"{COLLECTION}/responses/new",
        status=422,
    ),
    Page(f"GET {COLLECTION}/releases/{{number}}", "team", "curated"),
    Page(f"GET {COLLECTION}/releases/{{number}}", "team", "recalled"),
)
FOR_ADMINISTRATORS: Sequence[Page] = (
    Page("GET /pilots", "administrator"),
    Page(
        "POST /pilots",
        "administrator",
        sends={"code": "nowa wola", "name": LONG_WORD, "language": "pl"},
        sent_from="/pilots",
        status=422,
    ),
    Page("GET /pilots/{code}", "administrator"),
    *(
        Page("GET /pilots/{code}/settings/{section}", "administrator", fills={"section": each})
        for each in BY_ADMINISTRATORS
    ),
    *(unfit("/pilots/{code}", "administrator", each) for each in UNFIT if each in BY_ADMINISTRATORS),
    Page("GET /invitations", "administrator"),
    Page("GET /people", "administrator"),
    Page("GET /people", "administrator", query="q=nobody+of+that+name"),
    Page("GET /people/{account_id}", "administrator"),
    Page("POST /people/{account_id}/new-password", "administrator", sends={"sure": "yes"}),
    Page("GET /service", "administrator"),
    Page("GET /journal", "administrator"),
)
FOR_TELLERS: Sequence[Page] = (
    Page("GET /teller", "teller", "nobody asked"),
    Page("GET /teller", "teller", "in review"),
    Page("GET /teller", "teller", "curated"),
    Page("GET /teller", "teller", "long words"),
    Page("GET /teller", "teller", BY_GUARDIAN),
    Page("GET /teller", "teller", "withdrawn", status=410),
    Page("GET /teller", "nobody", status=401),
    Page("GET /teller/consent", "teller", "curated"),
    Page("GET /teller/consent", "teller", BY_GUARDIAN),
    Page(
        "POST /teller/consent",
        "teller",
        "curated",
        sends={"appearance": "named", "until": "2020-01-01"},
        sent_from="/teller/consent",
        status=422,
    ),
    Page("GET /teller/stop/{use}", "teller", "curated"),
    Page("GET /teller/copy", "teller", "curated"),
    Page(
        "POST /teller/copy",
        "teller",
        "curated",
        sends={"message": "Leave out my street."},
        sent_from="/teller/copy",
        status=422,
    ),
    Page("GET /teller/receipt", "teller", "curated"),
    Page("GET /teller/withdraw", "teller", "curated"),
    Page("POST /teller/withdraw", "teller", "curated", sends={"sure": "yes"}, sent_from="/teller/withdraw"),
    Page("GET /teller/left", "nobody"),
)
PAGES: Sequence[Page] = (
    *FOR_ANYBODY,
    *FOR_THE_PUBLIC,
    *FOR_REPORTERS,
    *FOR_CURATORS,
    *FOR_TEAMS,
    *FOR_ADMINISTRATORS,
    *FOR_TELLERS,
)

# What answers people, and is nothing that they look at as a page.
NO_PAGES: Mapping[str, str] = {
    "GET /healthz": "for programs",
    "GET /readyz": "for programs",
    "GET /metrics": "for programs",
    "GET /governance": "leads to the pilot",
    "GET /sw.js": "for browsers",
    "GET /review/{story_id}/progress": "for scripts",
    "GET /stories/new/aloud/{language}": "is played",
    "GET /teller/enter/{token}": "leads to the teller's page",
    "GET /stories/{story_id}/recordings/{recording_id}/renditions/{kind}": "is played",
    "GET /stories/{story_id}/recordings/{recording_id}/captions.vtt": "is played",
    "GET /teller/recordings/{recording_id}/renditions/{kind}": "is played",
    "GET /teller/recordings/{recording_id}/captions.vtt": "is played",
    "GET /stories/{story_id}/consents/{event_id}/form": "is saved",
    f"GET {COLLECTION}/releases/{{number}}/manifest.json": "is saved",
    f"GET {COLLECTION}/releases/{{number}}/download.zip": "is saved",
    f"GET {COLLECTION}/releases/{{number}}/stories/{{story_id}}/{{name}}": "is saved",
    "GET /teller/aloud/{wording_id}": "is played",
    "GET /teller/receipt.json": "is saved",
    "GET /teller/everything.zip": "is saved",
    "GET /imports/template.csv": "is saved",
    "POST /imports/check": "takes files: test_office opens it",
    "POST /imports": "takes files: test_office opens it",
}
