"""Everything that can go wrong, as a code and parameters.

Words and HTTP status live in ``app/problems.py`` alone, so that an error reads well in every language and a
rule never has to know how it is shown.
"""

from __future__ import annotations


class StoryError(Exception):
    """A refusal or failure that a person can act on.

    ``code`` is a stable kebab-case name; ``parameters`` fill the words that ``app/problems.py`` keeps for it.
    """

    code: str = "story-error"

    def __init__(self, code: str | None = None, **parameters: object) -> None:
        self.code = code or type(self).code
        self.parameters = parameters
        super().__init__(f"{self.code} {parameters}" if parameters else self.code)


class NotFound(StoryError):
    """No such thing, or nothing that this reader may know of: the two answer alike."""

    code = "not-found"


class Gone(StoryError):
    """It was there, this reader could once see it, and it was withdrawn."""

    code = "withdrawn"


class NotAllowed(StoryError):
    """The reader may know that it exists, and may not do this with it."""

    code = "not-allowed"


class NotSignedIn(StoryError):
    """No valid session or key came with the request."""

    code = "not-signed-in"


class Conflict(StoryError):
    """It changed meanwhile, or its state does not admit this."""

    code = "conflict"


class Invalid(StoryError):
    """What was sent cannot be understood or kept."""

    code = "invalid"


class Malformed(StoryError):
    """The request breaks its protocol: whatever sent it has to change."""

    code = "malformed"


class WrongVersion(StoryError):
    """The request is in a version of its protocol that is not spoken here."""

    code = "wrong-version"


class WrongKind(StoryError):
    """The body is of another kind than is taken here."""

    code = "wrong-kind"


class InUse(StoryError):
    """Somebody else is just at it; ``retry_after_seconds`` says when to try again."""

    code = "in-use"


class Damaged(StoryError):
    """What arrived is not what was sent, by its own checksum; nothing of it was kept."""

    code = "damaged"


class TooLarge(StoryError):
    """More bytes than the settings allow."""

    code = "too-large"


class TooMany(StoryError):
    """A limit on how often, or how much at once; ``retry_after_seconds`` says when to try again."""

    code = "too-many"


class Unavailable(StoryError):
    """A part that we need does not answer; nothing was lost, try again later."""

    code = "unavailable"


class NoSpace(StoryError):
    """The disk is nearly full, so nothing new is taken in; what is stored stays readable."""

    code = "no-space"


class UnusableRecording(StoryError):
    """The recording cannot be used, and why; no retry will change that."""

    code = "unusable-recording"


class StageFailed(StoryError):
    """A stage of the pipeline failed for a reason of ours; it can be retried."""

    code = "stage-failed"


class PictureUnreadable(StageFailed):
    """All of a recording's sound could be made, and its picture not; ``code`` says what failed."""

    code = "rendering-failed"


class WorkCancelled(StoryError):
    """The work was called off, usually because the story was withdrawn."""

    code = "work-cancelled"
