"""What the pages of collections say of purposes, of what is left out, and of recalls."""

from __future__ import annotations

from app.web.translation import N_
from models.collections import RecallReason
from models.releases import Reason
from models.stories import Purpose

PURPOSES = {
    Purpose.INPUT: N_("to shape a service before it is made"),
    Purpose.CO_EVALUATION: N_("to say how a service went"),
}
REASONS = {
    Reason.WITHDRAWN: N_("taken back by the teller"),
    Reason.NO_CONSENT: N_("no consent to sharing with this pilot"),
    Reason.HELD: N_("kept with its curators by an embargo or a safeguarding flag"),
    Reason.PROTOCOL: N_("not admitted by a pilot's protocol"),
    Reason.MASKING: N_("must be masked first, which is not possible yet"),
    Reason.NOT_CURATED: N_("not curated"),
    Reason.APPEARANCE: N_("somebody now wants to appear otherwise: release it anew"),
}

# Why a story was recalled: in a line of a table, and to whoever has copies.
RECALLED = {
    RecallReason.WITHDRAWN: N_("taken back by the people in it"),
    RecallReason.SHARING_ENDED: N_("may not be shared any more"),
    RecallReason.NARROWED: N_("less is allowed with it than before"),
}
ASKED_TO_DELETE = {
    RecallReason.WITHDRAWN: N_(
        "A story that you downloaded was recalled on {day}, because the people in it took it back."
    ),
    RecallReason.SHARING_ENDED: N_(
        "A story that you downloaded was recalled on {day}, because it may not be shared any more."
    ),
    RecallReason.NARROWED: N_(
        "A story that you downloaded was recalled on {day}, because less is allowed with it than before. Delete "
        "your copy and use what a newer release has."
    ),
}

# What a collection's query asks for, piece by piece.
ASKED_FOR = {
    "q": N_("words: {value}"),
    "theme": N_("theme: {value}"),
    "language": N_("told in {value}"),
    "purpose": N_("gathered: {value}"),
    "pilot": N_("pilot: {value}"),
    "from_date": N_("sent from {value}"),
    "to_date": N_("sent until {value}"),
}
EVERYTHING = N_("all that may be shared")
