"""How Alembic reaches the database: a connection handed over by ``storage.schema``, or the URL it was given."""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection, create_engine

from models.schema import Base

target_metadata = Base.metadata

# Full-text indexes are written by hand in the migrations, one way for each database.
BY_HAND = ("search_text",)


def include_name(name: str | None, kind: str, parents: object) -> bool:
    """Leave out what autogeneration must not touch."""
    return not (name or "").startswith(BY_HAND)


def migrate(connection: Connection) -> None:
    """Run the migrations on a connection."""
    context.configure(
        connection=connection,
        target_metadata=target_metadata,
        include_name=include_name,
        render_as_batch=connection.dialect.name == "sqlite",
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        context.run_migrations()


given = context.config.attributes.get("connection")
if given is not None:
    migrate(given)
else:
    with create_engine(context.config.get_main_option("sqlalchemy.url") or "").connect() as opened:
        migrate(opened)
