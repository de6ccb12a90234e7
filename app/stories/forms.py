"""The forms that reporters fill in, read back into what the rooms' services take.

A form sends its text fields first and its file last, so that everything is checked before the recording streams.
"""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import ValidationError

from app.stories.schemas import PersonIn, StoryIn
from app.web.fields import in_one_sentence, wrong_fields
from app.web.translation import Phrase
from models.errors import Invalid
from models.stories import Part, Purpose

MAX_OTHERS = 5


def story_of(fields: Mapping[str, str]) -> StoryIn:
    """The story that a form describes.

    :raises Invalid: something is missing or wrong; says what
    """
    try:
        return StoryIn(
            title=fields.get("title", ""),
            language=fields.get("language", ""),
            pilots=[fields.get("pilot", "")],
            purpose=Purpose(fields.get("purpose", Purpose.INPUT)),
            told_when=fields.get("told_when", "").strip() or None,
            told_where=fields.get("told_where", "").strip() or None,
            recorded_by=fields.get("recorded_by", "").strip() or None,
            told_in_sign_language="told_in_sign_language" in fields,
            content_warning=fields.get("content_warning", "").strip() or None,
            people=_people(fields),
        )
    except (ValidationError, ValueError) as error:
        raise Invalid("invalid", reason=_reason(error)) from error


def _people(fields: Mapping[str, str]) -> list[PersonIn]:
    teller = PersonIn(
        label=fields.get("teller", "").strip() or "teller",
        part=Part.TELLER,
        shown_name=fields.get("shown_name", "").strip() or None,
        guardian=fields.get("guardian", "").strip() or None,
        contact=fields.get("contact", "").strip() or None,
    )
    others = [
        PersonIn(label=label, part=Part(fields.get(f"other-{n}-part", Part.HEARD)))
        for n in range(MAX_OTHERS)
        if (label := fields.get(f"other-{n}", "").strip())
    ]
    return [teller, *others]


def _reason(error: ValueError) -> Phrase | str:
    return in_one_sentence(wrong_fields(error.errors())) if isinstance(error, ValidationError) else str(error)
