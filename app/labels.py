"""What the states, roles and uses of the rules are called on the pages of those who work with stories.

Tellers and reporters read the words of ``app.tellers.words`` and ``app.stories.words`` instead: theirs are sentences.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from app.web.translation import N_
from models.consent import EventKind, Face, Manner, Naming, Use, Voice
from models.curation import State
from models.roles import Role
from models.stories import Part, RecordingState

_LABELS: tuple[Mapping[StrEnum, str], ...] = (
    {
        State.SUBMITTED: N_("submitted"),
        State.IN_REVIEW: N_("in review"),
        State.CURATED: N_("curated"),
        State.PUBLISHED: N_("published"),
        State.RETURNED: N_("returned"),
        State.DECLINED: N_("declined"),
        State.WITHDRAWN: N_("withdrawn"),
    },
    {
        RecordingState.UPLOADING: N_("on its way"),
        RecordingState.WAITING: N_("waiting"),
        RecordingState.INSPECTED: N_("whole"),
        RecordingState.PROCESSING: N_("being prepared"),
        RecordingState.READY: N_("ready"),
        RecordingState.REFUSED: N_("refused"),
        RecordingState.FAILED: N_("failed"),
    },
    {
        Role.REPORTER: N_("reporter"),
        Role.FACILITATOR: N_("facilitator"),
        Role.CURATOR: N_("curator"),
        Role.PILOT_TEAM: N_("pilot team"),
    },
    {
        Use.CURATION: N_("curation"),
        Use.SHARING: N_("sharing"),
        Use.PUBLICATION: N_("publication"),
        Use.RESEARCH: N_("research"),
        Use.TRANSLATION: N_("translation"),
        Use.EXCERPTS: N_("excerpts"),
    },
    {
        EventKind.GRANTED: N_("granted"),
        EventKind.NARROWED: N_("narrowed"),
        EventKind.WIDENED: N_("widened"),
        EventKind.RENEWED: N_("renewed"),
        EventKind.WITHDRAWN: N_("taken back"),
        EventKind.EXPIRED: N_("expired"),
    },
    {
        Naming.NAMED: N_("named"),
        Naming.PSEUDONYM: N_("by another name"),
        Naming.ANONYMOUS: N_("not named"),
    },
    {Face.SHOWN: N_("face shown"), Face.MASKED: N_("face hidden")},
    {Voice.KEPT: N_("own voice"), Voice.ALTERED: N_("voice changed")},
    {
        Manner.FORM: N_("by a form"),
        Manner.SPOKEN: N_("spoken"),
        Manner.ON_BEHALF: N_("on behalf of somebody"),
    },
    {Part.TELLER: N_("teller"), Part.HEARD: N_("heard"), Part.SEEN: N_("seen")},
)
# By class too: a word can stand in several of them.
_BY_KIND = {(type(each), each): says for labels in _LABELS for each, says in labels.items()}


# The steps of ``models.curation.TRANSITIONS``, as their buttons say.
VERBS: Mapping[str, str] = {
    "take-up": N_("Take up"),
    "return": N_("Return"),
    "decline": N_("Decline"),
    "reopen": N_("Reopen"),
    "curate": N_("Curate"),
    "publish": N_("Publish"),
    "unpublish": N_("Unpublish"),
    "withdraw": N_("Withdraw"),
}

# The steps of the pipeline, while they are being done.
PREPARING: Mapping[str, str] = {
    "inspect": N_("checking the file"),
    "render": N_("making it playable"),
    "transcribe": N_("writing down what is said"),
    "tag": N_("looking for themes"),
    "index": N_("making it findable"),
}


def label_of(value: StrEnum) -> str:
    """A message for a value of the rules; what has none is called as in the API."""
    return _BY_KIND.get((type(value), value), value.value)
