"""What every row shares: random ids, times that know their zone, words that are read back as words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy.dialects import postgresql, sqlite

from models.base import UtcDateTime, new_id, one_of
from models.curation import State


def test_an_id_is_128_random_bits() -> None:
    ids = {new_id() for _ in range(1000)}
    assert len(ids) == 1000
    assert all(len(each) == 32 and int(each, 16) >= 0 for each in ids)


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="aware"):
        UtcDateTime().process_bind_param(datetime(2026, 3, 1), sqlite.dialect())


def test_a_time_from_another_zone_is_kept_and_read_in_utc() -> None:
    warsaw = timezone(timedelta(hours=1))
    noon = datetime(2026, 3, 1, 13, tzinfo=warsaw)
    column = UtcDateTime()
    kept = column.process_bind_param(noon, sqlite.dialect())
    assert kept == datetime(2026, 3, 1, 12, tzinfo=UTC)
    read = column.process_result_value(noon, postgresql.dialect())
    assert read is not None
    assert read.isoformat() == "2026-03-01T12:00:00+00:00"
    assert column.process_result_value(kept.replace(tzinfo=None), sqlite.dialect()) == kept


def test_a_word_is_kept_by_its_value_and_read_as_itself() -> None:
    column = one_of(State)
    kept = column.bind_processor(sqlite.dialect())(State.IN_REVIEW)  # type: ignore[misc]
    assert kept == "in-review"
    assert column.result_processor(sqlite.dialect(), None)("in-review") is State.IN_REVIEW  # type: ignore[misc]
