"""Writes the pages that are made from code: docs/reference/settings.md and docs/reference/states.md."""

from __future__ import annotations

from pathlib import Path

from app.settings import Settings
from models import curation

REFERENCE = Path(__file__).resolve().parent.parent / "docs" / "reference"
KINDS = {
    "int": "whole number",
    "str": "text",
    "Path": "path",
    "bool": "true or false",
    "SecretStr": "secret",
}


def settings_page() -> str:
    """Every setting with its kind, default and meaning, as a table."""
    return f"""# Settings

<!-- Made from app/settings.py by `make docs`. -->

Read from the environment, or from a file `.env` in the folder that the service is started in.

| name | kind | default | meaning |
|---|---|---|---|
{chr(10).join(_row(name) for name in Settings.model_fields)}
"""


def _row(name: str) -> str:
    field = Settings.model_fields[name]
    # "Path", "pathlib.Path | None": the last part of the name says what it is.
    kind = str(getattr(field.annotation, "__name__", field.annotation)).removesuffix(" | None")
    kind = kind.rsplit(".", 1)[-1]
    default = "" if field.default is None else f"`{_shown(field.default)}`"
    return f"| `COMMUNITY_REPORTING_{name.upper()}` | {KINDS.get(kind, kind)} | {default} | {field.description or ''} |"


def _shown(default: object) -> str:
    return str(default).lower() if isinstance(default, bool) else str(default)


def main() -> None:
    """Write them all."""
    (REFERENCE / "settings.md").write_text(settings_page(), encoding="utf-8")
    (REFERENCE / "states.md").write_text(curation.as_markdown(), encoding="utf-8")


if __name__ == "__main__":
    main()
