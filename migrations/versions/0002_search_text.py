"""Full-text indexes over what search knows of a story

Revision: 0002
Follows: 0001

Words are cut and folded in Python before they are written, so both indexes only ever split at single spaces:
FTS5 by its ``ascii`` tokenizer (every other character of ours belongs to a word), PostgreSQL by
``string_to_array``. Neither database's own idea of words, accents or languages takes part, and both therefore
find the same.

A later migration that recreates ``search_entry`` on SQLite (``batch_alter_table``) must make the triggers anew.
"""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

COLUMNS = ("surface", "lemmas")

SQLITE_UP = (
    """
    CREATE VIRTUAL TABLE search_text USING fts5(
        surface, lemmas, content='search_entry', content_rowid='number', tokenize='ascii'
    )
    """,
    """
    CREATE TRIGGER search_text_added AFTER INSERT ON search_entry BEGIN
        INSERT INTO search_text(rowid, surface, lemmas) VALUES (new.number, new.surface, new.lemmas);
    END
    """,
    """
    CREATE TRIGGER search_text_removed AFTER DELETE ON search_entry BEGIN
        INSERT INTO search_text(search_text, rowid, surface, lemmas)
        VALUES ('delete', old.number, old.surface, old.lemmas);
    END
    """,
    """
    CREATE TRIGGER search_text_changed AFTER UPDATE OF surface, lemmas ON search_entry BEGIN
        INSERT INTO search_text(search_text, rowid, surface, lemmas)
        VALUES ('delete', old.number, old.surface, old.lemmas);
        INSERT INTO search_text(rowid, surface, lemmas) VALUES (new.number, new.surface, new.lemmas);
    END
    """,
    "INSERT INTO search_text(search_text) VALUES ('rebuild')",
)
SQLITE_DOWN = (
    "DROP TRIGGER search_text_changed",
    "DROP TRIGGER search_text_removed",
    "DROP TRIGGER search_text_added",
    "DROP TABLE search_text",
)


def _postgresql_up() -> list[str]:
    statements = []
    for column in COLUMNS:
        index = f"search_text_{column}"
        statements += [
            f"CREATE INDEX {index} ON search_entry USING gin "
            f"(array_to_tsvector(string_to_array({column}, ' '))) WITH (fastupdate = off)",
            # The planner's statistics would keep the commonest words of stories that were erased since.
            f"ALTER INDEX {index} ALTER COLUMN 1 SET STATISTICS 0",
            f"ALTER TABLE search_entry ALTER COLUMN {column} SET STATISTICS 0",
        ]
    return [*statements, "ALTER TABLE search_entry ALTER COLUMN shown SET STATISTICS 0"]


def _postgresql_down() -> list[str]:
    plain = [
        f"ALTER TABLE search_entry ALTER COLUMN {column} SET STATISTICS -1" for column in (*COLUMNS, "shown")
    ]
    return [*plain, *(f"DROP INDEX search_text_{column}" for column in reversed(COLUMNS))]


def upgrade() -> None:
    on_sqlite = op.get_bind().dialect.name == "sqlite"
    for statement in SQLITE_UP if on_sqlite else _postgresql_up():
        op.execute(statement)


def downgrade() -> None:
    on_sqlite = op.get_bind().dialect.name == "sqlite"
    for statement in SQLITE_DOWN if on_sqlite else _postgresql_down():
        op.execute(statement)
