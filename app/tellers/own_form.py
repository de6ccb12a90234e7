"""The form in which somebody in a story says what they allow: behind their link, and on the device of whoever asks."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from app.consents.forms import wrong_in
from app.settings import Settings
from app.stories import aloud
from app.tellers import forms, views
from app.tellers.words import USES
from app.web.translation import Translator
from models.consent import Giver, Use, word_of
from models.errors import Invalid
from models.stories import Story, StoryPerson
from storage import ledger, pilots, wordings


def own_form(
    session: Session,
    story: Story,
    person: StoryPerson,
    giver: Giver,
    translator: Translator,
    settings: Settings,
    *,
    filled: dict[str, str] | None = None,
    error: Invalid | None = None,
) -> dict[str, Any]:
    """What its templates show: what the ``giver`` said; or what was ``filled`` in, and why that cannot stand."""
    own = word_of(ledger.events_of(session, story.id, person.id), giver)
    uses = views.uses_shown(session, story, person, giver, own, translator)
    shares = pilots.of_ids(session, story.pilot_ids)
    wording = wordings.current(session, story.pilot_ids, translator.language)
    return {
        "filled": forms.fields_of(own, uses, shares) if filled is None else filled,
        "errors": wrong_in(error, translator) if error else {},
        "uses": uses,
        "shares": [(each.code, translator(USES[Use.SHARING][0], pilot=each.name)) for each in shares],
        "appearances": [
            {"name": name, "label": translator(label), "hint": translator(hint) if hint else ""}
            for name, (label, hint) in views.appearances_for(giver).items()
        ],
        "guardian": person.guardian,
        "is_guardian": giver is Giver.GUARDIAN,
        "wording": wording,
        "can_be_heard": wording is not None and aloud.can_be_heard(wording.text, wording.language, settings),
    }
