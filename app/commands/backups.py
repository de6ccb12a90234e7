"""``backup``, ``backup-key`` and ``restore``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from app.settings import Settings

out, err = Console(soft_wrap=True, highlight=False), Console(stderr=True, soft_wrap=True, highlight=False)


def add_to(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    for command in (backup, backup_key, restore):
        app.command()(command)


def backup(
    to: Annotated[
        Path | None, typer.Option(file_okay=False, help="Where to; default COMMUNITY_REPORTING_BACKUPS.")
    ] = None,
) -> None:
    """Write database and objects, encrypted, while the service runs; then remove backups that are too old.

    Only objects that earlier backups in the folder have not got are copied. Exit code 1 if objects were lost."""
    from app.operations.backup import make_backup
    from app.parts import open_as_it_is, refuse_half_restored

    settings = Settings()
    refuse_half_restored(settings)
    parts = open_as_it_is(settings)
    try:
        made = make_backup(parts, to or settings.backups_folder)
    finally:
        parts.close()
    manifest = made.manifest
    out.print(f"{made.folder}")
    out.print(
        f"{sum(manifest.rows.values())} rows, {manifest.objects} objects ({manifest.objects_bytes:,} bytes), "
        f"{manifest.new_objects} of them new; {manifest.tombstones} tombstones"
    )
    if manifest.gone_meanwhile:
        out.print(f"{manifest.gone_meanwhile} objects were withdrawn or replaced meanwhile: not an error")
    for removed in made.removed:
        out.print(f"removed: {removed}")
    for key in made.lost:
        err.print(f"LOST {key}: the store has not got it as it was. See docs/deploy/backups.md.")
    raise typer.Exit(1 if made.lost else 0)


def backup_key() -> None:
    """Make the key that backups are encrypted with. Keep a copy of it elsewhere: without it there is no restore."""
    from storage.sealing import make_key

    file = Settings().backup_key_file
    key = make_key(file)
    out.print(f"{file}: a new key, called {key.key_id}")
    out.print("Copy it to a place that is neither this machine nor where the backups are, now.")
    out.print("Without it no backup can be read, by anybody.")


def restore(
    source: Annotated[
        Path, typer.Argument(metavar="FROM", exists=True, file_okay=False, help="A set, or one backup in it.")
    ],
    key: Annotated[
        Path | None, typer.Option(help="The key's file; default COMMUNITY_REPORTING_BACKUP_KEY.")
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Read every byte of it, and change nothing.")
    ] = False,
    keep_objects: Annotated[
        bool,
        typer.Option("--keep-objects", help="The store is not empty: keep what is there, put what is not."),
    ] = False,
    missing_objects: Annotated[
        bool, typer.Option("--missing-objects", help="Put only what rows here name and the store has not.")
    ] = False,
    despite_damage: Annotated[
        bool, typer.Option("--despite-damage", help="Restore what can be read, and name what cannot.")
    ] = False,
) -> None:
    """Restore a backup into an empty installation, and withdraw again what was withdrawn since.

    Broken off, run it again. Nothing is served before it has ended."""
    from app.operations import restore as restoring
    from app.parts import open_as_it_is, refuse_half_restored

    settings = Settings()
    key_file = key or settings.backup_key_file
    if check:
        raise typer.Exit(_check(source, key_file))
    if missing_objects:
        refuse_half_restored(settings)
    parts = open_as_it_is(settings)
    try:
        if missing_objects:
            put, missing = restoring.put_missing_objects(parts, source, key_file)
            out.print(f"{put} objects put")
        else:
            done = restoring.restore(
                parts, source, key_file, keeps_objects=keep_objects, despite_damage=despite_damage
            )
            missing = done.missing
            _say(done)
    finally:
        parts.close()
    for each in missing:
        err.print(f"MISSING {each}: this set has not got it.")
    raise typer.Exit(1 if missing else 0)


def _check(source: Path, key_file: Path) -> int:
    from app.operations import restore as restoring

    manifest, damaged = restoring.check(source, key_file)
    out.print(f"{manifest.id}, schema {manifest.schema}, {sum(manifest.rows.values())} rows")
    for path in damaged:
        err.print(f"DAMAGED {path}")
    out.print("damaged" if damaged else f"{manifest.objects} objects: whole")
    return 1 if damaged else 0


def _say(done: object) -> None:
    from app.operations.restore import Restored

    assert isinstance(done, Restored)
    manifest = done.manifest
    out.print(f"restored {manifest.id}: {sum(manifest.rows.values())} rows, {done.put} objects")
    if done.were_there:
        out.print(f"{done.were_there} objects were there already")
    out.print(f"{len(done.again.withdrawn)} stories withdrawn again, as their tombstones say")
    out.print(f"{len(done.again.narrowed)} stories narrowed again, as their people said since")
    out.print(f"{len(done.again.held)} stories held again, under embargoes and flags raised since")
    for each in done.differing:
        err.print(f"DIFFERS {each}: the store had another content; it was left as it is.")
    out.print(
        f"Rows are as of {manifest.made_at}: what was closed by curators, corrected or ended since must be done again."
    )
    out.print("Now start serve, and run doctor.")
