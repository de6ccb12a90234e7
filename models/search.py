"""What search knows of a story: one row for each thing that can be found and played."""

from __future__ import annotations

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Id


class SearchEntry(Base):
    """One findable piece of a story: its title, its themes, or one segment of its transcript.

    ``surface`` and ``lemmas`` are folded text (lower case, no accents); the full-text index of each database
    is built over these two columns. ``shown`` is the text a snippet is cut from. ``number`` is a plain
    integer because SQLite's index refers to rows by one.
    """

    __tablename__ = "search_entry"
    __table_args__ = (Index(None, "story_id"),)

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    story_id: Mapped[str] = mapped_column(ForeignKey("story.id", ondelete="CASCADE"))
    recording_id: Mapped[str | None] = mapped_column(Id)
    source: Mapped[str] = mapped_column(String(20))
    start_seconds: Mapped[float | None]
    end_seconds: Mapped[float | None]
    shown: Mapped[str] = mapped_column(Text)
    surface: Mapped[str] = mapped_column(Text)
    lemmas: Mapped[str] = mapped_column(Text)
