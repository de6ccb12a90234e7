"""What whoever sends a story is asked and told: phrases that code chooses between. Templates have the rest.

Each phrase is its own message in the catalogues (``app/web/locales``). What may be done with a story, and how people
appear in it, is said in the words of ``app.tellers.words``: whoever agreed reads the same words behind their link.
"""

from __future__ import annotations

from collections.abc import Mapping

from app.web.translation import N_
from models.consent import Manner, Use
from models.curation import State
from models.stories import Part, Purpose, RecordingState

# One question a page, by the page's name; the last page repeats them beside the answers.
QUESTIONS: Mapping[str, str] = {
    "title": N_("What is the story called?"),
    "pilot": N_("Who is it for?"),
    "language": N_("Which language is it told in?"),
    "purpose": N_("What should it help with?"),
    "teller": N_("Who tells it?"),
    "guardian": N_("Does somebody stand beside whoever tells it?"),
    "others": N_("Who else is heard or seen in it?"),
    "person": N_("Who is heard or seen?"),
    "told": N_("When and where was it told?"),
    "warning": N_("Should people be warned before they listen?"),
    "agree": N_("How do you want to say yes?"),
    "uses": N_("What may be done with the story?"),
    "appearance": N_("How do you appear in it?"),
    "name": N_("Which name may be shown?"),
    "contact": N_("How can we reach whoever tells it?"),
}

# Answers that say that there is nothing to say.
NOT_SURE = N_("I am not sure")
IN_SIGN_LANGUAGE = N_("It is told in sign language")
I_DO = N_("I do")
NO_ONE = N_("Nobody")
NOTHING = N_("Nothing yet")

TITLE_MISSING = N_("Give the story a name. A few words are enough.")
CHOICE_MISSING = N_("Choose one of these.")
WHO_MISSING = N_("Say who it is.")
RELATION_MISSING = N_("Say what you are to them.")
FIRST_MISSING = N_("Tick the first one too. Without it, none of the others can happen.")
TOO_LONG = N_("This is too long. Use fewer words.")

PURPOSES: Mapping[Purpose, tuple[str, str]] = {
    Purpose.INPUT: (
        N_("To make something new"),
        N_("For example: there is no bus in the evening, and there should be one."),
    ),
    Purpose.CO_EVALUATION: (
        N_("To say how something went"),
        N_("For example: how it was at the job centre."),
    ),
    Purpose.BOTH: (N_("Both"), ""),
}

# What each use can look like, beside what it is and what follows.
EXAMPLES: Mapping[Use, str] = {
    Use.CURATION: N_("For example: Anna listens to it and checks what was written down."),
    Use.SHARING: N_("For example: it is played at a meeting about the bus."),
    Use.PUBLICATION: N_("For example: anyone can play it on a web page."),
    Use.EXCERPTS: N_("For example: one sentence stands in a report."),
    Use.TRANSLATION: N_("For example: somebody in Finland reads it in Finnish."),
    Use.RESEARCH: N_("For example: a university compares a hundred stories."),
}

LATER = "later"
MANNERS: Mapping[str, tuple[str, str]] = {
    Manner.FORM: (N_("I tick it on the next page"), ""),
    Manner.SPOKEN: (
        N_("I say it in the recording"),
        N_("Say it at the beginning, in your own words. On the next page, tick what you say."),
    ),
    Manner.ON_BEHALF: (N_("I say it for somebody else"), N_("For example: as mother of a small child.")),
    LATER: (
        N_("Later"),
        N_("Until then nobody hears the story. If nobody says yes within 30 days, it is deleted."),
    ),
}

PARTS: Mapping[Part, str] = {
    Part.TELLER: N_("tells it"),
    Part.HEARD: N_("is heard"),
    Part.SEEN: N_("is seen"),
}

STATES: Mapping[State, str] = {
    State.SUBMITTED: N_("sent"),
    State.IN_REVIEW: N_("with the curators"),
    State.CURATED: N_("ready"),
    State.PUBLISHED: N_("published"),
    State.RETURNED: N_("sent back"),
    State.DECLINED: N_("not used"),
    State.WITHDRAWN: N_("taken back"),
}

RECORDING_STATES: Mapping[RecordingState, str] = {
    RecordingState.UPLOADING: N_("on its way"),
    RecordingState.WAITING: N_("arrived"),
    RecordingState.INSPECTED: N_("waits for a yes"),
    RecordingState.PROCESSING: N_("being prepared"),
    RecordingState.READY: N_("ready to play"),
    RecordingState.REFUSED: N_("cannot be used"),
    RecordingState.FAILED: N_("went wrong"),
}

NOTES: Mapping[str, str] = {
    "cut-short": N_("The end of this recording is missing: it was cut off while it was saved."),
    "checksum-mismatch": N_("The recording has a small fault. Everything in it can be heard."),
    "nothing-to-hear": N_("There is nothing to hear in this recording."),
    "other-tracks-with-sound": N_("This recording has several sound tracks. The main one is used."),
    "picture-unreadable": N_("The picture of this recording cannot be read. Its sound can be heard."),
}

# Before the first question; also read aloud (app.stories.aloud). Of the backups, storage's own days are said after it.
WHAT_HAPPENS: tuple[str, ...] = (
    N_("You record your story here, or you send a recording that you have."),
    N_("You decide what may be done with it. You say yes or no to each thing by itself."),
    N_("Until you have said yes, nobody listens to it. If somebody else is in it, they are asked too."),
    N_("A machine writes down what you say. Then a person from your community listens, and puts it right."),
    N_("Only then can others hear it: those you have chosen, and nobody else."),
    N_("You get a private link. With it you see who may hear your story, and what came of it."),
    N_("You can change your mind at any time, and need not say why."),
    N_("If you take your story back, we delete it, and ask everybody who has a copy to delete it too."),
)
BACKUPS_KEEP = (
    "Our backups keep what you delete for {count} more day.",
    "Our backups keep what you delete for {count} more days.",
)
