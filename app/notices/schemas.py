"""What goes out of the notices room."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field

from models.notices import NoticeKind


class NoticeOut(BaseModel):
    """One notice. It carries ids and dates; ``says`` is the same in words."""

    id: str
    kind: NoticeKind
    story_id: str | None
    parameters: dict[str, Any]
    says: str
    made_at: datetime
    read_at: datetime | None
    sent_at: datetime | None = Field(
        description="When a mail server took it over; None where none is set up."
    )
