"""What the pages of collections say of purposes, of what is left out, and of recalls."""

from __future__ import annotations

from models.collections import RecallReason
from models.releases import Reason
from models.stories import Purpose

PURPOSES = {
    Purpose.INPUT: "to shape a service before it is made",
    Purpose.CO_EVALUATION: "to say how a service went",
}
REASONS = {
    Reason.WITHDRAWN: "taken back by the teller",
    Reason.NO_CONSENT: "no consent to sharing with this pilot",
    Reason.HELD: "kept with its curators by an embargo or a safeguarding flag",
    Reason.PROTOCOL: "not admitted by a pilot's protocol",
    Reason.MASKING: "must be masked first, which is not possible yet",
    Reason.NOT_CURATED: "not curated",
    Reason.APPEARANCE: "somebody now wants to appear otherwise: release it anew",
}

RECALLED = {
    RecallReason.WITHDRAWN: "taken back by the people in it",
    RecallReason.SHARING_ENDED: "may not be shared any more",
}
