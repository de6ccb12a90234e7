"""What was answered about a story that is about to be sent, question by question, in the reader's language."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.stories import steps
from app.stories.steps import DETECT, NO, Answers
from app.stories.words import (
    I_DO,
    IN_SIGN_LANGUAGE,
    MANNERS,
    NO_ONE,
    NOT_SURE,
    NOTHING,
    PARTS,
    PURPOSES,
    QUESTIONS,
)
from app.tellers.words import APPEARANCES, USES
from app.web.translation import Translator
from models.consent import Use
from models.pilots import Pilot
from models.stories import Purpose
from pipeline.transcription.languages import language_names


@dataclass(frozen=True)
class Row:
    """A question, what was answered to it, and the page on which it can be changed."""

    step: str
    question: str
    answer: Sequence[str]


def rows(answers: Answers, pilots: Sequence[Pilot], translator: Translator) -> list[Row]:
    """Every page that came, in its order."""
    return [
        Row(step.name, translator(QUESTIONS[step.name]), _answer(step.name, answers, pilots, translator))
        for step in steps.coming(answers)
    ]


def _answer(name: str, answers: Answers, pilots: Sequence[Pilot], _: Translator) -> list[str]:
    match name:
        case "pilot":
            return [pilot.name for pilot in pilots if pilot.code == answers.get("pilot")]
        case "language":
            language = answers.get("language", DETECT)
            named = _(NOT_SURE) if language == DETECT else language_names()[language]
            return [named, *([_(IN_SIGN_LANGUAGE)] if "told_in_sign_language" in answers else [])]
        case "purpose":
            return [_(PURPOSES[Purpose(answers["purpose"])][0])]
        case "teller":
            return [answers["teller"] if answers["teller_is"] == steps.OTHER else _(I_DO)]
        case "guardian":
            return [_(NO_ONE) if answers["has_guardian"] == NO else answers["guardian"]]
        case "others":
            return [f"{label}: {_(PARTS[part])}" for _n, label, part in steps.others(answers)] or [_(NO_ONE)]
        case "told":
            said = [answers.get(each, "") for each in ("told_when", "told_where", "recorded_by")]
            return [each for each in said if each]
        case "agree":
            relation = answers.get("relation", "")
            return [_(MANNERS[answers["manner"]][0]), *([relation] if relation else [])]
        case "uses":
            return allowed(answers, pilots, _) or [_(NOTHING)]
        case "appearance":
            return [_(APPEARANCES[answers["appearance"]][0])]
        case _other:
            (field,) = steps.BY_NAME[name].fields
            return [answers[field]] if answers.get(field) else []


def allowed(answers: Answers, pilots: Sequence[Pilot], translator: Translator) -> list[str]:
    """What was ticked, in words."""
    names = ", ".join(pilot.name for pilot in pilots if pilot.code == answers.get("pilot"))
    return [
        translator(USES[use][0], pilot=names) if use is Use.SHARING else translator(USES[use][0])
        for use in Use
        if f"use-{use}" in answers
    ]
