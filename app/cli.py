"""The command line: ``community-reporting``. Each command says what it does, and what to do when it cannot."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from app.commands import backups as backup_commands
from app.commands import journal as journal_commands
from app.commands import people as people_commands
from app.commands import readings
from app.commands import weights as weights_commands
from app.settings import Settings
from app.words import say
from models.errors import StoryError, Unavailable

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Gather, curate and mobilise stories.",
)
app.add_typer(people_commands.commands, name="admin")
app.add_typer(weights_commands.commands, name="weights")
backup_commands.add_to(app)
app.add_typer(journal_commands.commands, name="journal")
app.add_typer(readings.commands, name="reading")

out, err = Console(), Console(stderr=True)


def main() -> None:
    """The entry point: domain errors become a sentence and exit code 1."""
    from app.operations.logs import configure_logging

    # Before anything can be logged: the library's own way of showing errors prints variables too.
    configure_logging()
    try:
        app()
    except StoryError as error:
        err.print(say(error.code, dict(error.parameters)), markup=False)
        sys.exit(1)


def bar() -> Progress:
    """A bar with percent and the time left, on standard error."""
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    return Progress(*columns, console=err)


@app.command()
def serve(
    host: str | None = None,
    port: int | None = None,
    tls_cert: Annotated[Path | None, typer.Option(exists=True, help="A certificate chain, PEM.")] = None,
    tls_key: Annotated[Path | None, typer.Option(exists=True, help="Its key, PEM.")] = None,
) -> None:
    """Serve pages and API, with worker slots beside them unless COMMUNITY_REPORTING_WORKERS=0."""
    from app.operations import serving
    from app.parts import build

    settings = settings_with(host, port, is_tls=tls_cert is not None)
    if settings.workers:
        serving.refuse_missing_engine(settings)
    serving.keep_tables_in(settings)
    parts = build(settings)
    link = serving.invite_first_administrator(parts)
    if link:
        out.print(
            f"Nobody runs this service yet. Become its administrator within a day:\n  {link}", soft_wrap=True
        )
    if said := serving.openness(settings, is_tls=tls_cert is not None):
        err.print(said, markup=False, soft_wrap=True)
    out.print(f"Serving at {settings.base_url}", soft_wrap=True)
    try:
        serving.server(parts, tls_cert=tls_cert, tls_key=tls_key).run()
    finally:
        parts.close()


def settings_with(host: str | None, port: int | None, *, is_tls: bool = False) -> Settings:
    """The settings, with what the command line says over them."""
    settings = Settings()
    changes: dict[str, object] = {}
    if host:
        changes["host"] = host
    if port:
        changes["port"] = port
    settings = settings.model_copy(update=changes)
    if is_tls and settings.public_url is None:
        settings = settings.model_copy(update={"public_url": f"https://{settings.host}:{settings.port}"})
    return settings


@app.command()
def worker() -> None:
    """Carry out work in this process: any number of them, on any machine that reaches database and store."""
    import faulthandler
    import signal
    import time

    from app.operations import serving
    from app.parts import build

    settings = Settings()
    serving.refuse_missing_engine(settings)
    serving.keep_tables_in(settings)
    parts = build(settings)
    serving.withdraw_again(parts)
    slot = serving.make_worker(parts)
    asked: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        # No lock is taken in here, and nobody has to be woken by it: it is looked for.
        signal.signal(number, lambda number, _: asked.append(number))
    # Where each thread stands, for whoever wonders what it is at.
    faulthandler.register(signal.SIGUSR1, all_threads=True)
    slot.start()
    out.print(f"Working as {slot.holder.slot if slot.holder else '?'}")
    while not asked:
        time.sleep(0.5)
    slot.stop()
    parts.close()


@app.command()
def demo(
    exit_when_done: Annotated[
        bool, typer.Option("--exit", help="Stop everything when the stories arrived.")
    ] = False,
    data: Annotated[Path, typer.Option(help="The demo's own folder.")] = Path("data/demo"),
    port: Annotated[int, typer.Option(help="Where it is served; 0 for any free port.")] = 8000,
) -> None:
    """Send fictional stories the whole way, from recording to a pulled collection, and show each step."""
    from app.operations.demo import Demo

    arrived = Demo(data, port, out).run(stays=not exit_when_done)
    raise typer.Exit(0 if arrived else 1)


@app.command()
def ingest(
    folder: Annotated[Path, typer.Argument(exists=True, file_okay=False)],
    details: Annotated[Path, typer.Option(exists=True, help="A CSV with a line for each file.")],
    as_account: Annotated[str, typer.Option("--as", help="The sign-in name of whoever sends them.")],
    dry_run: Annotated[bool, typer.Option(help="Check everything and send nothing.")] = False,
    remove: Annotated[bool, typer.Option(help="Remove a source once its object is verified.")] = False,
) -> None:
    """Send the recordings of a folder, as from a memory card. The CSV's columns: file, title, language, pilot,
    purpose, teller, consent (uses, separated by blanks), told_when, told_where."""
    from app.operations.ingest import ingest_folder
    from app.parts import build

    parts = build(Settings())
    with bar() as progress:
        task = progress.add_task("sending", total=1.0)

        def told(done: float) -> None:
            progress.update(task, completed=done)

        results = ingest_folder(
            parts,
            folder,
            details,
            sign_in_name=as_account,
            is_dry_run=dry_run,
            removes_sources=remove,
            progress=told,
        )
    for result in results:
        out.print(
            f"{'sent ' if result.is_sent else 'NOT  '} {result.file}: {result.says}",
            markup=False,
            soft_wrap=True,
        )
    parts.close()
    raise typer.Exit(0 if all(result.is_sent or dry_run for result in results) else 1)


@app.command()
def progress() -> None:
    """Show how far the work on recordings has come, a bar for each, until all is done."""
    from app.operations.watching import watch
    from app.parts import build

    parts = build(Settings())
    watch(parts, bar())
    parts.close()


@app.command()
def transcribe(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False)],
    language: Annotated[
        str, typer.Option(help="A language's code, or 'detect' among the pilots'.")
    ] = "detect",
    engine: Annotated[str, typer.Option(help="faster-whisper or openai-whisper.")] = "faster-whisper",
    form: Annotated[str, typer.Option("--format", help="json, vtt, srt or txt.")] = "json",
) -> None:
    """Write what is said in a recording to standard output. Needs no server and no database."""
    from app.operations.serving import make_recogniser
    from pipeline.transcription.standalone import FORMATS, transcribe_file, written

    if form not in FORMATS:
        raise typer.BadParameter(f"choose one of {', '.join(FORMATS)}", param_hint="--format")
    recogniser = make_recogniser(Settings().model_copy(update={"engine": engine}))
    try:
        with bar() as progress:
            task = progress.add_task("transcribing", total=1.0)
            told: Callable[[float], None] = lambda fraction: progress.update(task, completed=fraction)  # noqa: E731
            heard = transcribe_file(file, recogniser, language=language, progress=told)
    finally:
        recogniser.close()
    sys.stdout.write(written(heard, form))


@app.command()
def tag(
    file: Annotated[str, typer.Argument(help="A text file, or - for standard input.")] = "-",
    language: Annotated[str, typer.Option(help="A language's code, or 'detect'.")] = "detect",
    jsonl: Annotated[
        bool, typer.Option("--jsonl", help='Lines of {"id", "lang", "text"} in, themes out.')
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="JSON instead of words to read.")] = False,
) -> None:
    """Suggest themes for a text, with the words that speak for them. Needs no server and no database."""
    from pipeline.themes import standalone

    if file != "-" and not Path(file).is_file():
        raise typer.BadParameter(f"there is no file {file}", param_hint="FILE")
    with ExitStack() as opened:
        source = sys.stdin.buffer if file == "-" else opened.enter_context(Path(file).open("rb"))
        if jsonl:
            bad = standalone.tag_jsonl(
                source, sys.stdout, sys.stderr, None if language == "detect" else language
            )
            raise typer.Exit(1 if bad else 0)
        tagged = standalone.tag_text(source.read().decode("utf-8", "replace"), language)
    sys.stdout.write(
        (json.dumps(tagged.as_json(), ensure_ascii=False) if as_json else tagged.as_words()) + "\n"
    )


@app.command()
def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="One object a line.")] = False,
    mend: Annotated[
        bool, typer.Option("--mend", help="First mend what can be mended without a decision.")
    ] = False,
) -> None:
    """Look at every part of the service, say what is wrong and how to mend it. Exit code 1 if something is."""
    from app.operations.doctor import examine, mend_what_is_safe
    from app.operations.doctor.findings import Finding, unanswered
    from app.parts import build

    def tell(finding: Finding) -> None:
        if as_json:
            sys.stdout.write(json.dumps(finding.__dict__, ensure_ascii=False) + "\n")
            return
        mark = "ok  " if finding.is_well else "warn" if finding.is_warning else "BAD "
        advice = "" if finding.is_well else f" – {finding.mend}"
        out.print(
            f"{mark} {finding.what}: {finding.says}{advice}", markup=False, highlight=False, soft_wrap=True
        )

    try:
        parts = build(Settings())
    except Unavailable as error:
        tell(unanswered(error))
        raise typer.Exit(1) from None
    for mended in mend_what_is_safe(parts) if mend else ():
        err.print(mended, markup=False, soft_wrap=True)
    is_well = True
    for finding in examine(parts):
        is_well &= not finding.is_failure
        tell(finding)
    parts.close()
    raise typer.Exit(0 if is_well else 1)


@app.command("erase-leftovers")
def erase_leftovers() -> None:
    """Take what is left of erased stories out of all files now, whatever the hour. Tables are locked, and the embedded
    store answers nobody, for some seconds each; by itself the service does this at night."""
    from app.operations import leftovers
    from app.parts import build

    parts = build(Settings())
    leftovers.rewrite_everything(parts, lambda place: out.print(f"rewriting: {place}"))
    parts.close()


if __name__ == "__main__":
    main()
