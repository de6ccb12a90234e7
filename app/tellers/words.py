"""What tellers are told, short and kind: phrases that code chooses between. Templates have the rest.

Each phrase is its own message in the catalogues (``app/web/locales``). ``N_`` marks it for them.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from app.web.translation import N_
from models.consent import EventKind, Giver, Manner, Use
from models.listening import EVERYBODY
from models.notices import NoticeKind
from models.roles import Role
from models.stories import Part
from models.tellers import CopyAnswer
from storage.obstacles import Obstacle

# What a use is, and what follows from it. Sharing names the pilot.
USES: Mapping[Use, tuple[str, str]] = {
    Use.CURATION: (
        N_("Curators may listen to the story and prepare it"),
        N_("Without this nobody works with the story, and nobody else hears it."),
    ),
    Use.SHARING: (
        N_("The team of {pilot} may use it in workshops, evaluations and reports"),
        N_("They get the recording, the text and the themes."),
    ),
    Use.PUBLICATION: (
        N_("It may be published, for everybody to see"),
        N_("Others can copy it then. We cannot bring back every copy."),
    ),
    Use.EXCERPTS: (
        N_("Short parts of it may be used on their own"),
        N_("A sentence of yours can then stand without the rest."),
    ),
    Use.TRANSLATION: (
        N_("It may be translated"),
        N_("People can then read it in other languages."),
    ),
    Use.RESEARCH: (
        N_("Researchers may work with it"),
        N_("They look for what many stories have in common."),
    ),
}

# How a person appears, by the names of ``app.consents.forms.APPEARANCES``.
APPEARANCES: Mapping[str, tuple[str, str]] = {
    "hidden": (
        N_("Nobody can recognise me: no name, my face hidden, my voice changed"),
        N_("The story stays with the curators until this has been done."),
    ),
    "unnamed": (
        N_("Another name, my voice, my face hidden"),
        N_("A video stays with the curators until the faces in it are hidden."),
    ),
    "pseudonym": (N_("Another name, my voice and my face"), ""),
    "named": (N_("My name, my voice and my face"), ""),
}
# The same, said by a guardian of the person beside whom they stand.
APPEARANCES_OF_ANOTHER: Mapping[str, tuple[str, str]] = {
    "hidden": (
        N_("Nobody can recognise the person: no name, face hidden, voice changed"),
        APPEARANCES["hidden"][1],
    ),
    "unnamed": (N_("Another name, the person's voice, face hidden"), APPEARANCES["unnamed"][1]),
    "pseudonym": (N_("Another name, the person's voice and face"), ""),
    "named": (N_("The person's name, voice and face"), ""),
}

PARTS: Mapping[Part, str] = {
    Part.TELLER: N_("You told this story."),
    Part.HEARD: N_("You are heard in this story."),
    Part.SEEN: N_("You are seen in this story."),
}


# Why a use that a person allowed is not open now.
OBSTACLES: Mapping[Obstacle, str] = {
    Obstacle.PEOPLE: N_("It waits: not everybody in the story has agreed to it."),
    Obstacle.PROTOCOL: N_("It waits: the rules of the community do not open this."),
    Obstacle.CURATION: N_("It waits: first curators must be allowed to prepare the story."),
    Obstacle.HELD: N_("It waits: the story is kept back for now, to protect somebody."),
    Obstacle.PILOTS: N_("It waits: the people in the story chose different teams to share it with."),
    Obstacle.MASKING: N_("It waits until nobody can be recognised who does not want to be."),
}
BOTH_MUST_AGREE: Mapping[Giver, str] = {
    Giver.PERSON: N_("It waits: you and the person who stands beside you must both agree."),
    Giver.GUARDIAN: N_("It waits: you and the person beside whom you stand must both agree."),
}
AS_GUARDIAN = N_("You speak here as guardian ({guardian}).")


class Hearer(StrEnum):
    """Who may hear a story now."""

    SENDER = "sender"
    CURATORS = "curators"
    TEAM = "team"
    EVERYBODY = "everybody"


HEARERS: Mapping[Hearer, str] = {
    Hearer.SENDER: N_("The people in the story, and whoever sent it to us"),
    Hearer.CURATORS: N_("The curators of {pilot}"),
    Hearer.TEAM: N_("The team of {pilot}"),
    Hearer.EVERYBODY: N_("Everybody"),
}

# By how a listening is noted (storage.listenings), in the order in which they are shown.
LISTENERS: Mapping[str, str] = {
    Role.CURATOR: HEARERS[Hearer.CURATORS],
    Role.PILOT_TEAM: HEARERS[Hearer.TEAM],
    EVERYBODY: N_("Somebody on the public pages"),
}

NOTICES: Mapping[NoticeKind, str] = {
    NoticeKind.REVIEW_COPY_READY: N_("A copy of your story is ready for you to look at."),
    NoticeKind.CONSENT_ENDS_SOON: N_("What you allowed ends soon. If you want, you can allow it again."),
    NoticeKind.CONSENT_ENDED: N_(
        "What you allowed has ended, and nobody is shown the story. Allow it again soon, or it will be deleted."
    ),
    NoticeKind.CONSENT_CHANGED: N_("What is allowed with the story has changed."),
    NoticeKind.WORDING_CHANGED: N_("The text about consent has changed."),
    NoticeKind.RESPONSE: N_("Somebody has answered to your story."),
    NoticeKind.RETENTION: N_(
        "The story has been kept for a long time. It will be deleted unless you ask us to keep it."
    ),
}
SOMETHING_HAPPENED = N_("Something about your story has changed.")

CHANGES: Mapping[EventKind, str] = {
    EventKind.GRANTED: N_("Allowed for the first time"),
    EventKind.NARROWED: N_("Allowed less than before"),
    EventKind.WIDENED: N_("Allowed more than before"),
    EventKind.RENEWED: N_("Allowed again, as before"),
    EventKind.WITHDRAWN: N_("Taken back"),
    EventKind.EXPIRED: N_("Ended by its date"),
}
MANNERS: Mapping[Manner, str] = {
    Manner.FORM: N_("in a form"),
    Manner.SPOKEN: N_("spoken"),
    Manner.ON_BEHALF: N_("by somebody else for you"),
}
GIVERS: Mapping[Giver, str] = {Giver.PERSON: "", Giver.GUARDIAN: N_("by the guardian")}

# How people are called who have no name in what leaves.
SHOWN_AS: Mapping[Part, str] = {
    Part.TELLER: N_("Who tells it"),
    Part.HEARD: N_("Who is heard"),
    Part.SEEN: N_("Who is seen"),
}
ANSWERS: Mapping[CopyAnswer, str] = {
    CopyAnswer.APPROVED: N_("Yes, it can go like this"),
    CopyAnswer.CHANGE_ASKED: N_("I want something to be changed"),
    CopyAnswer.STOPPED: N_("No, stop it"),
}

# What is in the archive of everything, file by file; "" is what stands above.
FILES: Mapping[str, str] = {
    "": N_(
        "This is everything that we have of your story. The files with the ending .json are for programs too."
    ),
    "recordings/": N_("The sound and the picture. Whoever told the story also finds the original."),
    "transcripts/": N_("What is said, in every version."),
    "story.json": N_("Title, language, when and where it was told, and the recordings."),
    "themes.json": N_("What it is about, with the words that speak for it."),
    "consent/ledger.json": N_("Everything that was said about what is allowed, and when."),
    "consent/receipt.json": N_("The same as a receipt."),
    "consent/form-…": N_("Forms on paper that were kept, if there are any."),
    "listened-to.json": N_("Who has listened to it here, and on which days, without names."),
    "copies-taken.json": N_("Who has taken a copy, and whether they have deleted it."),
    "responses.json": N_("What others have answered."),
    "review-copies.json": N_("Copies that were shown before something left, and the answers."),
    "holds.json": N_("Times at which the story was kept back."),
    "messages.json": N_("Messages to you"),
    "journal.json": N_("Who has done what with the story, without names."),
}
