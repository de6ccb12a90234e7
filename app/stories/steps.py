"""The pages on which a story is described, one question each: which come, in which order, and what each one takes.

Answers are a form's fields, by name. What they mean together is read by ``forms.story_of`` and
``app.consents.forms.consent_of``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from app.consents.forms import APPEARANCES
from app.stories import words
from app.stories.forms import MAX_OTHERS
from models.consent import Manner, Use
from models.stories import Part, Purpose
from pipeline.transcription.languages import is_known

Answers = Mapping[str, str]
# Which field is wrong, and the message that says what to do.
Wrong = dict[str, str]

DETECT = "detect"
YES, NO = "yes", "no"
ME, OTHER = "me", "other"
USE_FIELDS = tuple(f"use-{use}" for use in Use)
# How much may be written, so that all of it fits into what a browser keeps; 100 where nothing is said here.
LONGEST: Mapping[str, int] = {"title": 200, "contact": 200, "content_warning": 300}
LONGEST_LINE = 100
DONE = "done"


def always(answers: Answers) -> bool:
    """A page that comes for everybody."""
    return True


@dataclass(frozen=True)
class Step:
    """A page: the fields that it takes, what is wrong with them, and whether it comes after these answers."""

    name: str
    fields: tuple[str, ...]
    wrong: Callable[[Answers], Wrong] = field(default=lambda answers: {})
    comes: Callable[[Answers], bool] = always


def _chosen(name: str, *known: str) -> Callable[[Answers], Wrong]:
    def wrong(answers: Answers) -> Wrong:
        return {} if answers.get(name) in known else {name: words.CHOICE_MISSING}

    return wrong


def _language(answers: Answers) -> Wrong:
    language = answers.get("language", "")
    return {} if language == DETECT or is_known(language) else {"language": words.CHOICE_MISSING}


def _title(answers: Answers) -> Wrong:
    return {} if answers.get("title") else {"title": words.TITLE_MISSING}


def _teller(answers: Answers) -> Wrong:
    if answers.get("teller_is") == OTHER and not answers.get("teller"):
        return {"teller": words.WHO_MISSING}
    return _chosen("teller_is", ME, OTHER)(answers)


def _guardian(answers: Answers) -> Wrong:
    if answers.get("has_guardian") == YES and not answers.get("guardian"):
        return {"guardian": words.WHO_MISSING}
    return _chosen("has_guardian", YES, NO)(answers)


def _agree(answers: Answers) -> Wrong:
    if answers.get("manner") == Manner.ON_BEHALF and not answers.get("relation"):
        return {"relation": words.RELATION_MISSING}
    return _chosen("manner", *words.MANNERS)(answers)


def _uses(answers: Answers) -> Wrong:
    ticked = {name for name in USE_FIELDS if name in answers}
    first = f"use-{Use.CURATION}"
    return {first: words.FIRST_MISSING} if ticked and first not in ticked else {}


def says_yes_now(answers: Answers) -> bool:
    """Whether whoever tells the story answers for it before it is sent."""
    return answers.get("manner") != words.LATER


def allows_something(answers: Answers) -> bool:
    """Whether anything at all was ticked."""
    return says_yes_now(answers) and any(name in answers for name in USE_FIELDS)


def _shows_a_name(answers: Answers) -> bool:
    return allows_something(answers) and answers.get("appearance") != "hidden"


def _has_choice_of_pilot(answers: Answers) -> bool:
    return answers.get("one_pilot") != YES


STEPS = (
    Step("title", ("title",), _title),
    Step("pilot", ("pilot",), comes=_has_choice_of_pilot),
    Step("language", ("language", "told_in_sign_language"), _language),
    Step("purpose", ("purpose",), _chosen("purpose", *Purpose)),
    Step("teller", ("teller_is", "teller"), _teller),
    Step("guardian", ("has_guardian", "guardian"), _guardian),
    Step("others", ("more",), _chosen("more", YES, NO)),
    Step("told", ("told_when", "told_where", "recorded_by")),
    Step("warning", ("content_warning",)),
    Step("agree", ("manner", "relation"), _agree),
    Step("uses", (*USE_FIELDS, "wording"), _uses, says_yes_now),
    Step("appearance", ("appearance",), _chosen("appearance", *APPEARANCES), allows_something),
    Step("name", ("shown_name",), comes=_shows_a_name),
    Step("contact", ("contact",)),
)
BY_NAME: Mapping[str, Step] = {step.name: step for step in STEPS}
CHECK = "check"


def take(step: Step, answers: Answers, sent: Mapping[str, str]) -> tuple[dict[str, str], Wrong]:
    """The answers with those of one page put in, and what is wrong with these."""
    given = {name: text for name in step.fields if (text := sent.get(name, "").strip())}
    kept = {name: text for name, text in answers.items() if name not in step.fields} | given
    wrong = {name: words.TOO_LONG for name, text in given.items() if len(text) > longest(name)}
    wrong = wrong or step.wrong(given)
    done = {*kept.get(DONE, "").split(), step.name} - ({step.name} if wrong else set())
    return kept | {DONE: " ".join(sorted(done))}, wrong


def read_anew(answers: Answers) -> dict[str, str]:
    """The answers for another pilot: its text about consent may be another, so what is allowed is asked again."""
    open_again = " ".join(name for name in answers.get(DONE, "").split() if name != "uses")
    return {name: text for name, text in answers.items() if name != "wording"} | {DONE: open_again}


def longest(name: str) -> int:
    """How many characters a field takes."""
    return LONGEST.get(name, LONGEST_LINE)


def coming(answers: Answers) -> list[Step]:
    """The pages that come, in their order."""
    return [step for step in STEPS if step.comes(answers)]


def first_open(answers: Answers) -> str:
    """The first page that nobody has answered yet; the last of all if there is none."""
    done = answers.get(DONE, "").split()
    return next((step.name for step in coming(answers) if step.name not in done), CHECK)


def after(step: Step, answers: Answers) -> str:
    """The page that follows one that was answered: straight to the last, if all before it are."""
    if first_open(answers) == CHECK:
        return CHECK
    names = [each.name for each in coming(answers)]
    return next(iter(names[names.index(step.name) + 1 :]), first_open(answers))


def before(name: str, answers: Answers) -> str | None:
    """The page before one; None: it is the first."""
    names = [*(each.name for each in coming(answers)), CHECK]
    return names[names.index(name) - 1] if names.index(name) else None


# ---- who else is in it -------------------------------------------------------------------------------------------


def others(answers: Answers) -> list[tuple[int, str, Part]]:
    """Who else is in the story: their place, how they are called, and what they do in it."""
    return list(_others(answers))


def _others(answers: Answers) -> Iterator[tuple[int, str, Part]]:
    for n in range(MAX_OTHERS):
        if label := answers.get(f"other-{n}"):
            yield n, label, Part(answers[f"other-{n}-part"])


def add_other(answers: Answers, sent: Mapping[str, str]) -> tuple[dict[str, str], Wrong]:
    """The answers with one more person, and what is wrong with what was said of them."""
    label, part = sent.get("person", "").strip(), sent.get("part", "")
    wrong: Wrong = {}
    if not label:
        wrong["person"] = words.WHO_MISSING
    elif len(label) > LONGEST_LINE:
        wrong["person"] = words.TOO_LONG
    if part not in (Part.HEARD, Part.SEEN):
        wrong["part"] = words.CHOICE_MISSING
    n = next((n for n in range(MAX_OTHERS) if f"other-{n}" not in answers), None)
    if wrong or n is None:
        return dict(answers), wrong
    # Whether there is anybody else is asked anew.
    open_again = " ".join(name for name in answers.get(DONE, "").split() if name != "others")
    kept = {name: text for name, text in answers.items() if name != "more"}
    return {**kept, DONE: open_again, f"other-{n}": label, f"other-{n}-part": part}, {}


def without_other(answers: Answers, n: str) -> dict[str, str]:
    """The answers without one of the others."""
    return {name: text for name, text in answers.items() if name not in (f"other-{n}", f"other-{n}-part")}


def fields_of(answers: Answers) -> dict[str, str]:
    """The fields that ``forms.story_of`` and ``consent_of`` read, without what stands under an answer not given."""
    asked = {name for step in coming(answers) for name in step.fields} | {"pilot"}
    named = {f"other-{n}{end}" for n, _, _ in others(answers) for end in ("", "-part")}
    kept = {name: text for name, text in answers.items() if name in asked | named}
    unsaid = {
        "teller": answers.get("teller_is") == ME,
        "guardian": answers.get("has_guardian") == NO,
        "manner": not says_yes_now(answers),
        "relation": answers.get("manner") != Manner.ON_BEHALF,
    }
    return {name: text for name, text in kept.items() if not unsaid.get(name)}
