"""Alembic migrations, each tested up and down with rows in the tables, on both databases."""
