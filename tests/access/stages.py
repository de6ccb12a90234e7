"""Who comes, and how far the story has come: the roles of the access table, and what the gate lets each do.

Written by hand, in other words than the code's.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from models.consent import Use
from models.curation import State
from models.roles import Role

# ---- roles: what each is, and in which of two pilots; the story is one of the pilot "here" -----------------------

ROLES: Mapping[str, tuple[Role | None, str]] = {
    "nobody": (None, ""),
    "newcomer": (None, ""),
    "sender": (Role.REPORTER, "here"),
    "reporter": (Role.REPORTER, "here"),
    "facilitator": (Role.FACILITATOR, "here"),
    "curator": (Role.CURATOR, "here"),
    "team": (Role.PILOT_TEAM, "here"),
    "curator elsewhere": (Role.CURATOR, "elsewhere"),
    "team elsewhere": (Role.PILOT_TEAM, "elsewhere"),
    "administrator": (None, ""),
    # Came by the private link of whoever tells the story: an account opens nothing there, and it nothing elsewhere.
    "teller": (None, ""),
}
Names = frozenset[str]


def names(written: str, known: Collection[str]) -> Names:
    """Several names, written one after the other."""
    found = frozenset(written.split(", ")) - {""}
    assert found <= set(known), f"unknown: {found - set(known)}"
    return found


def roles(written: str) -> Names:
    return names(written, ROLES)


# Who is asked in at the door. What they find behind it is the gate's to say.
ANYONE = frozenset(ROLES)
WITHOUT_ACCOUNT = roles("nobody, teller")
SIGNED_IN = ANYONE - WITHOUT_ACCOUNT
SENDERS_HERE = roles("sender, reporter, facilitator, curator")
SENDERS = SENDERS_HERE | {"curator elsewhere"}
REPORTER = roles("reporter")
FACILITATOR = roles("facilitator")
CURATOR_HERE = roles("curator")
CURATORS = CURATOR_HERE | {"curator elsewhere"}
TEAM_HERE = roles("curator, team")
TEAMS = TEAM_HERE | roles("curator elsewhere, team elsewhere")
ADMINISTRATOR = roles("administrator")
COORDINATORS = CURATORS | ADMINISTRATOR
COORDINATORS_HERE = CURATOR_HERE | ADMINISTRATOR
FACILITATORS = CURATORS | roles("facilitator")
TELLER = roles("teller")

# ---- stages: how far the story has come, and who may do what with it there ---------------------------------------

CURATION = frozenset({Use.CURATION})
SHARING = CURATION | {Use.SHARING}
EVERYTHING = frozenset(Use)


@dataclass(frozen=True)
class Stage:
    """A story's way: curated so far, under this consent, and what happened ``then``. Below: the gate's columns.

    What was shared with the pilot *here* went into a collection, was released, and the team pulled it, before that.
    """

    state: State
    consent: frozenset[Use] | None
    then: str = ""
    wants_masking: bool = False
    shared_with: str = "here"
    reads: str = ""
    cares: str = ""
    sends: str = ""
    tells: str = ""
    reviews: str = ""
    collects: str = ""
    gone: str = ""
    recalled: str = ""

    def who(self, column: str) -> Names:
        """The roles in one of the gate's columns."""
        return roles(getattr(self, column))


ITS_SENDERS: dict[str, Any] = {"reads": "sender", "cares": "sender", "sends": "sender", "tells": "teller"}
IN_CARE = ITS_SENDERS | {"reads": "sender, curator", "cares": "sender, curator", "reviews": "curator"}
SHARED = IN_CARE | {"reads": "sender, curator, team", "collects": "curator, team"}
PUBLIC = SHARED | {"reads": ", ".join(ROLES)}
FOREIGN = ITS_SENDERS | {
    "reads": "sender, curator, curator elsewhere, team elsewhere",
    "cares": "sender, curator, curator elsewhere",
    "reviews": "curator, curator elsewhere",
}

STAGES: Mapping[str, Stage] = {
    "nobody asked": Stage(State.SUBMITTED, None, **ITS_SENDERS),
    "in review": Stage(State.IN_REVIEW, CURATION, **IN_CARE),
    "to be masked": Stage(State.RETURNED, EVERYTHING, wants_masking=True, **IN_CARE),
    "declined": Stage(State.DECLINED, EVERYTHING, **IN_CARE),
    "curated": Stage(State.CURATED, SHARING, **SHARED),
    "shared elsewhere": Stage(State.CURATED, SHARING, shared_with="elsewhere", **FOREIGN),
    "published": Stage(State.PUBLISHED, EVERYTHING, **PUBLIC),
    "sharing ended": Stage(
        State.PUBLISHED, EVERYTHING, "curation alone is allowed", recalled="team", **IN_CARE
    ),
    "consent ended": Stage(State.CURATED, SHARING, "nothing is allowed", recalled="team", **ITS_SENDERS),
    "expired": Stage(State.PUBLISHED, EVERYTHING, "consent expires", **ITS_SENDERS),
    "flagged": Stage(State.PUBLISHED, EVERYTHING, "a concern is raised", recalled="team", **IN_CARE),
    "withdrawn": Stage(State.IN_REVIEW, CURATION, "is withdrawn", gone="sender, curator"),
    "recalled": Stage(State.CURATED, SHARING, "is withdrawn", gone="sender, curator, team", recalled="team"),
    "erased": Stage(State.PUBLISHED, EVERYTHING, "is erased", gone=", ".join(ROLES), recalled="team"),
}
# What concerns no story is walked in this one alone; doors are tried in it, and in the one that is most open.
FIRST, MOST_OPEN = "nobody asked", "published"


def stages(written: str) -> Names:
    return names(written, STAGES)


PAST_REVIEW = stages("declined, curated, shared elsewhere, published, expired")
HEARD_BY_OTHERS = stages("curated, shared elsewhere, published, expired")
CANNOT_REOPEN = stages("in review, to be masked, published, sharing ended, flagged")
COLLECTED = stages("curated, published, sharing ended, consent ended, expired, flagged")
NOT_COLLECTED = STAGES.keys() - COLLECTED
NOBODY_SPOKE = stages("nobody asked")
LINK_ENDED = stages("withdrawn, recalled, erased")
NOT_HELD = STAGES.keys() - {"flagged"}
