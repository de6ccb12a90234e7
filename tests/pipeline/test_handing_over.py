"""A worker that was taken for dead and fails when it wakes: what it was at is another's, and stays open."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
from sqlalchemy import delete

from models.base import new_id
from models.errors import UnusableRecording
from models.work import Claim, Outcome, Wish, WishKind
from pipeline.media.inspection import MediaLimits
from pipeline.workplace import HandedOver, Job, Workplace, carry_out
from storage import leases, wishes
from storage.database import Database, WriteSession
from tests.plugins.stories import Field


def another_takes_it(session: WriteSession, wish_id: str) -> None:
    session.execute(delete(Claim).where(Claim.wish_id == wish_id))


def it_is_called_off(session: WriteSession, wish_id: str) -> None:
    wishes.end(session, wish_id, Outcome.CALLED_OFF)


@pytest.mark.parametrize("error", [UnusableRecording("no-sound"), OSError("its files are gone")], ids=repr)
@pytest.mark.parametrize(
    ("meanwhile", "is_handed_over"), [(another_takes_it, True), (it_is_called_off, False)]
)
def test_failure_of_work_that_is_not_ours_any_more_ends_nothing(
    database: Database,
    field: Field,
    tmp_path: Path,
    error: Exception,
    meanwhile: Callable[[WriteSession, str], None],
    is_handed_over: bool,
) -> None:
    story = field.story(with_recording=True)
    with database.write() as session:
        taken = leases.take(session, f"slot-{new_id()}")
        assert taken is not None
        wish = Wish(kind=WishKind.PROCESS, story_id=story.id, recording_id=story.recordings[0].id)
        session.add(wish)
        session.flush()
        wish_id = wish.id
    nothing = cast(Any, None)
    place = Workplace(database, nothing, tmp_path / "work", nothing, MediaLimits(), taken[0])

    def stage(job: Job) -> None:
        (job.folder / "speech.flac").touch()
        with database.write() as session:
            meanwhile(session, wish_id)
        raise error

    if is_handed_over:
        with pytest.raises(HandedOver):
            carry_out("transcribe", wish_id, stage, place)
    else:
        assert carry_out("transcribe", wish_id, stage, place) is False
    with database.read() as session:
        assert session.get_one(Wish, wish_id).is_open is is_handed_over
    assert list((tmp_path / "work").iterdir()) == [], "nothing of it is left here"
