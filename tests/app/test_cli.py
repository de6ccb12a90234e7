"""The command line: what each command says, what it refuses in words, and what is left when it ends."""

from __future__ import annotations

import io
import json
import os
import re
import secrets
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
import structlog
import typer.main
from fastapi.testclient import TestClient

from app import cli
from app.main import create_app
from app.operations import serving
from app.parts import Parts, build
from app.settings import Settings
from app.stories import aloud
from app.stories.words import WHAT_HAPPENS
from app.words import MENDS, WORDS, say
from models.journal import JournalEntry
from storage import accounts, pilots, second_factors, wordings
from storage.embedded import Embedded
from storage.objects import Objects
from tests.app.conftest import forms_of

ROOT = Path(__file__).resolve().parent.parent.parent
CACHE = ROOT / "data" / "cache"
PREFIX = "COMMUNITY_REPORTING_"
TEXT = "I lost my job last winter."


@dataclass(frozen=True)
class Ran:
    """How a command ended, and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def told(self) -> str:
        """What it said on standard error, without the lines that it was drawn in."""
        return " ".join(re.sub(r"[│╭╮╰╯─]", " ", self.err).split())


class Shell:
    """Runs the command line in this process, over a fresh data folder and the test run's own object store."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._patch, self._capsys = monkeypatch, capsys

    def __call__(self, *arguments: str, stdin: bytes = b"") -> Ran:
        self._capsys.readouterr()
        self._patch.setattr(sys, "argv", ["community-reporting", *arguments])
        self._patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        with pytest.raises(SystemExit) as ended:
            cli.main()
        written = self._capsys.readouterr()
        return Ran(int(ended.value.code or 0), written.out, written.err)

    def set(self, **settings: object) -> None:
        for name, value in settings.items():
            self._patch.setenv(f"{PREFIX}{name.upper()}", str(value))


@pytest.fixture
def shell(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Iterator[Shell]:
    for name in list(os.environ):
        if name.startswith(PREFIX):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    logging_before = structlog.get_config()
    shell = Shell(monkeypatch, capsys)
    shell.set(data=tmp_path / "data", cache=CACHE)
    yield shell
    structlog.configure(**logging_before)


@pytest.fixture
def installed(shell: Shell, object_server: Embedded) -> Iterator[Shell]:
    """With an object store to reach: none is started."""
    bucket = f"test-{secrets.token_hex(6)}"
    shell.set(s3_endpoint=object_server.endpoint, s3_bucket=bucket, s3_secure="false", min_free_bytes=0)
    shell.set(s3_access_key=object_server.access_key, s3_secret_key=object_server.secret_key)
    yield shell
    store = Objects.connect(
        object_server.endpoint, object_server.access_key, object_server.secret_key, bucket, secure=False
    )
    store.delete_prefix("")
    if store._client.bucket_exists(bucket):
        store._client.remove_bucket(bucket)


def probe(file: Path) -> dict[str, list[dict[str, str]]]:
    """What ffprobe sees in a file."""
    asked = ["ffprobe", "-v", "error", "-show_streams", "-of", "json", str(file)]
    seen: dict[str, list[dict[str, str]]] = json.loads(
        subprocess.run(asked, capture_output=True, check=True).stdout
    )
    return seen


def parts() -> Parts:
    """The service's parts, as the next command would build them."""
    return build(Settings(_env_file=None))


# ---- help --------------------------------------------------------------------------------------------------------


def commands() -> dict[tuple[str, ...], str]:
    """Every command there is, with the first sentence of what it says of itself."""
    found: dict[tuple[str, ...], str] = {}

    def walk(command: typer.core.TyperCommand, path: tuple[str, ...]) -> None:
        found[path] = (command.help or "").split(".")[0].split("\n")[0]
        for name, each in getattr(command, "commands", {}).items():
            walk(each, (*path, name))

    walk(typer.main.get_command(cli.app), ())
    return found


@pytest.mark.parametrize("path", commands(), ids=" ".join)
def test_every_command_says_what_it_does(shell: Shell, path: tuple[str, ...]) -> None:
    ran = shell(*path, "--help")
    assert ran.code == 0
    says = commands()[path]
    assert len(says.split()) > 2, "a command without a word of its own"
    assert says.split(",")[0] in " ".join(ran.out.replace("│", " ").split())


def test_installed_program_is_this_command_line(tmp_path: Path) -> None:
    program = Path(sys.executable).with_name("community-reporting")
    ran = subprocess.run([program, "--help"], capture_output=True, text=True, cwd=tmp_path, check=True)
    for (name, *more), _ in ((path, says) for path, says in commands().items() if path):
        assert more or name in ran.stdout


def test_unknown_command_and_missing_argument_are_usage_errors(shell: Shell) -> None:
    assert shell("fly").code == 2
    assert shell("admin", "invite", "spring").code == 2
    assert "Missing argument 'role'" in shell("admin", "invite", "spring").told


# ---- what runs alone ---------------------------------------------------------------------------------------------


def test_transcribe_refuses_a_format_it_cannot_write(shell: Shell, tmp_path: Path) -> None:
    recording = tmp_path / "a.wav"
    recording.write_bytes(b"RIFF")
    ran = shell("transcribe", str(recording), "--format", "docx")
    assert (ran.code, ran.out) == (2, "")
    assert "choose one of json, vtt, srt, txt" in ran.told


def test_transcribe_says_in_words_what_it_cannot_hear(shell: Shell, tmp_path: Path) -> None:
    recording = tmp_path / "a.wav"
    recording.write_bytes(b"not a recording")
    for arguments, code, parameters in (
        (["--language", "xx"], "language-unknown", {"language": "xx"}),
        (["--language", "en"], "not-a-recording", {}),
    ):
        ran = shell("transcribe", str(recording), *arguments)
        assert (ran.code, ran.out) == (1, "")
        assert say(code, dict(parameters)) in ran.told
        assert "Traceback" not in ran.err
    assert shell("transcribe", str(tmp_path / "none.wav")).code == 2


@pytest.mark.parametrize("command", ["worker", "serve"])
def test_without_its_engine_no_work_is_begun(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, command: str
) -> None:
    data = tmp_path / "untouched"
    shell.set(data=data, engine="openai-whisper", workers=1)
    monkeypatch.setattr("pipeline.transcription.engines.find_spec", lambda name: None)
    ran = shell(command)
    assert ran.code == 1
    assert "The engine openai-whisper is not installed." in ran.told
    assert not data.exists()


def test_tag_of_a_file_that_is_not_there_is_a_usage_error(shell: Shell, tmp_path: Path) -> None:
    for given in (tmp_path / "no-such.txt", tmp_path):
        ran = shell("tag", str(given))
        assert ran.code == 2
        assert "Traceback" not in ran.err
        assert "Usage" in ran.err


def test_tag_writes_for_people(shell: Shell) -> None:
    ran = shell("tag", "--language", "en", stdin=TEXT.encode())
    assert ran.code == 0
    assert ran.out.splitlines()[0] == "Language: en"
    assert "Work and unemployment" in ran.out
    assert "“lost my job”" in ran.out


def test_tag_writes_json_whose_spans_point_into_the_text(shell: Shell, tmp_path: Path) -> None:
    told = tmp_path / "told.txt"
    told.write_text(TEXT)
    ran = shell("tag", str(told), "--language", "en", "--json")
    assert ran.code == 0
    found = json.loads(ran.out)
    assert found["language"] == "en"
    (work,) = (each for each in found["themes"] if each["theme"] == "work")
    (evidence,) = work["evidence"]
    assert TEXT[evidence["start_char"] : evidence["end_char"]] == evidence["text"] == "lost my job"
    assert "\x1b" not in ran.out


def test_tag_answers_line_by_line_and_tells_the_bad_ones(shell: Shell) -> None:
    lines = [
        json.dumps({"id": 1, "lang": "en", "text": TEXT}).encode(),
        b"{",
        b"\xff",
        json.dumps({"id": "b", "text": "Nobody was there."}).encode(),
    ]
    ran = shell("tag", "--jsonl", "--language", "en", stdin=b"\n".join(lines))
    assert ran.code == 1
    answers = [json.loads(line) for line in ran.out.splitlines()]
    assert [answer["id"] for answer in answers] == [1, "b"]
    assert answers[0]["themes"][0]["theme"] == "work"
    assert [line.split(":")[0] for line in ran.err.splitlines()] == ["line 2", "line 3"]
    assert shell("tag", "--jsonl", "--language", "en", stdin=lines[0]).code == 0


def test_tag_says_which_languages_it_knows(shell: Shell) -> None:
    ran = shell("tag", "--language", "cy", stdin=b"Collais fy swydd.")
    assert (ran.code, ran.out) == (1, "")
    assert "Themes are not suggested yet in the language cy; they are in: " in ran.told


def test_a_person_reads_what_pages_say_until_its_words_change(
    installed: Shell, tmp_path: Path, spoken: Path
) -> None:
    said = installed("reading", "text", "pl")
    assert said.code == 0
    assert WHAT_HAPPENS[0] not in said.out, "in the language that was asked for"
    taken = installed("reading", "take", "pl", str(spoken))
    assert taken.code == 0
    (kept,) = (tmp_path / "data" / "readings").iterdir()
    heard = probe(kept)
    assert [stream["codec_name"] for stream in heard["streams"]] == ["aac"]
    settings = Settings(_env_file=None)
    assert aloud.read_aloud(said.out[:-1], "pl", settings) == kept, "it goes before the machine's voice"
    assert aloud.read_aloud("Other words.", "pl", settings) != kept

    installed("admin", "pilot", "spring", "Spring", "-l", "en")
    nothing = installed("reading", "text", "en", "--pilot", "spring")
    assert (nothing.code, "no text about consent" in nothing.told) == (2, True)
    with parts().database.write() as session:
        its = pilots.by_code(session, "spring")
        wordings.add(session, "en", "We keep it safe.", pilot_id=its.id, actor="test")
    assert installed("reading", "text", "en", "--pilot", "spring").out == "We keep it safe.\n"
    assert installed("reading", "text", "xx").code == 2
    silent = tmp_path / "notes.txt"
    silent.write_text("nobody speaks here")
    refused = installed("reading", "take", "en", str(silent))
    assert (refused.code, len(list(kept.parent.iterdir()))) == (1, 1)


def test_weights_are_verified(shell: Shell) -> None:
    ran = shell("weights", "verify")
    assert (ran.code, ran.out) == (0, f"{CACHE.resolve() / 'whisper-base'}: as they should be\n")


def test_weights_that_were_changed_are_not_trusted(shell: Shell, tmp_path: Path) -> None:
    folder = tmp_path / "cache" / "whisper-base"
    folder.mkdir(parents=True)
    (folder / "verified").touch()
    (folder / "model.bin").write_bytes(b"something else")
    shell.set(cache=tmp_path / "cache")
    ran = shell("weights", "verify")
    assert (ran.code, ran.out) == (1, "")
    assert WORDS["weights-changed"] in ran.told


# ---- pilots and people -------------------------------------------------------------------------------------------


def come_in(address: str, **given: str) -> TestClient:
    """The browser of somebody who opened a printed address."""
    settings = Settings(_env_file=None)
    assert address.startswith(f"{settings.base_url}/come-in/"), address
    client = (f"192.0.2.{secrets.randbelow(255)}", secrets.randbelow(60_000))
    browser = TestClient(
        create_app(parts()), base_url=settings.base_url, client=client, follow_redirects=False
    )
    (form,) = forms_of(browser.get(address).text, "/come-in")
    answer = browser.post("/come-in", data=form.filled(**given))
    assert answer.status_code == 303, answer.text
    return browser


def test_pilot_its_people_and_their_roles_from_nothing(installed: Shell, cheap_passwords: None) -> None:
    added = installed("admin", "pilot", "spring", "Spring & co", "-l", "pl", "-l", "en")
    assert (added.code, added.out) == (0, "Pilot spring is there.\n")
    with parts().database.read() as session:
        pilot = pilots.by_code(session, "spring")
        assert (pilot.name, pilot.languages) == ("Spring & co", ["pl", "en"])

    invited = installed("admin", "invite", "spring", "curator")
    assert invited.code == 0
    assert len(invited.out.splitlines()) == 1, "an address that can be copied whole"
    browser = come_in(invited.out.strip(), name="Tom", sign_in_name="tom", password="the bench by the well")
    assert browser.get("/api/v1/me").json()["roles"] == {"spring": ["curator"]}

    given = installed("admin", "role", "tom", "spring", "reporter")
    assert (given.code, given.out) == (0, "tom is reporter in spring now.\n")
    assert browser.get("/api/v1/me").json()["roles"] == {"spring": ["curator", "reporter"]}

    link = installed("admin", "new-password", "Tom ")
    assert link.code == 0
    again = come_in(link.out.strip(), password="another bench by the well")
    assert again.get("/api/v1/me").json()["account_id"]
    assert browser.get("/api/v1/me").json()["account_id"] is None, "the old session is over"
    with parts().database.write() as session:
        assert accounts.recognise(session, "tom", "another bench by the well")


def test_account_is_closed_reopened_and_helped_from_the_command_line(
    installed: Shell, cheap_passwords: None
) -> None:
    installed("admin", "pilot", "spring", "Spring", "-l", "pl")
    invited = installed("admin", "invite", "spring", "curator").out.strip()
    browser = come_in(invited, name="Tom", sign_in_name="tom", password="the bench by the well")
    with parts().database.write() as session:
        tom = accounts.named(session, "tom").id
        second_factors.begin(session, tom)
    assert installed("admin", "administrator", "tom").out == "tom runs this service, too.\n"
    assert browser.get("/api/v1/me").json()["is_administrator"] is True
    for arguments in (("close", "tom"), ("administrator", "tom", "--take-back")):
        refused = installed("admin", *arguments)
        assert (refused.code, say("last-administrator", {}) in refused.told) == (1, True)
    off = installed("admin", "reset-second-factor", "tom")
    assert (off.code, say("second-factor-is-off", {}) in off.told) == (1, True), "it was never confirmed"
    assert installed("admin", "end-sessions", "tom").out == "Every session and key of tom has ended.\n"
    assert browser.get("/api/v1/me").json()["account_id"] is None
    with parts().database.write() as session:
        ada = accounts.create(session, "Ada", "ada", actor="test", is_administrator=True)
    assert installed("admin", "close", "tom").out == "tom is closed.\n"
    assert installed("admin", "reopen", "tom").out == "tom is open.\n"
    with parts().database.read() as session:
        done = [each.act for each in session.query(JournalEntry) if each.subject == tom]
        assert session.get_one(accounts.Account, ada.id).is_active
    assert [act for act in done if act.endswith("account")] == [
        "create-account",
        "close-account",
        "reopen-account",
    ]


def test_what_administrators_mistype_is_said_in_words(installed: Shell) -> None:
    installed("admin", "pilot", "spring", "Spring", "-l", "pl")
    for arguments, words in (
        (["pilot", "spring", "Again", "-l", "pl"], say("pilot-code-taken", {})),
        (["pilot", "no good", "Again", "-l", "pl"], say("pilot-unfit", {})),
        (["pilot", "new", "New", "-l", "klingon"], say("language-unknown", {"language": "klingon"})),
        (["invite", "winter", "curator"], say("pilot-unknown", {})),
        (["role", "tim", "spring", "curator"], say("account-unknown", {"name": "tim"})),
        (["new-password", "tim"], say("account-unknown", {"name": "tim"})),
    ):
        ran = installed("admin", *arguments)
        assert (ran.code, ran.out) == (1, ""), arguments
        assert words in ran.told
    assert installed("admin", "invite", "spring", "owner").code == 2
    assert "'curator'" in installed("admin", "invite", "spring", "owner").told


# ---- the doctor --------------------------------------------------------------------------------------------------


OPEN = {
    "to itself": ((), {}, False),
    "to itself, by another name": (("--host", "::1"), {}, False),
    "to all": (("--host", "0.0.0.0"), {}, True),
    "to all, as it is set": ((), {"host": "0.0.0.0"}, True),
    "to its network": (("--host", "192.0.2.7"), {"public_url": "http://stories.example.org"}, True),
    "behind a proxy": (("--host", "0.0.0.0"), {"public_url": "https://stories.example.org"}, False),
    "by TLS": (("--host", "0.0.0.0", "--tls-cert", "cert.pem", "--tls-key", "cert.pem"), {}, False),
}


@pytest.mark.parametrize(("given", "settings", "is_open"), OPEN.values(), ids=OPEN)
def test_who_serves_others_by_plain_http_is_told(
    installed: Shell,
    monkeypatch: pytest.MonkeyPatch,
    given: tuple[str, ...],
    settings: dict[str, str],
    is_open: bool,
) -> None:
    class Server:
        def run(self) -> None:
            """Nobody is served."""

    monkeypatch.setattr(serving, "server", lambda parts, **named: Server())
    installed.set(**settings)
    Path("cert.pem").touch()
    ran = installed("serve", *given)
    assert ran.code == 0
    assert ("plain HTTP" in ran.err) is is_open
    assert "Serving at" in ran.out


def test_doctor_writes_one_object_a_line(installed: Shell) -> None:
    ran = installed("doctor", "--json")
    assert ran.code == 0, ran.out
    findings = [json.loads(line) for line in ran.out.splitlines()]
    assert {"schema", "journal", "object store", "weights", "disk"} <= {each["what"] for each in findings}
    assert all(each.keys() == {"what", "is_well", "says", "mend", "is_warning"} for each in findings)
    assert "\x1b" not in ran.out


def test_doctor_says_what_is_wrong_how_to_mend_it_and_ends_so(installed: Shell) -> None:
    installed.set(min_free_bytes=10**18)
    ran = installed("doctor")
    assert ran.code == 1
    (disk,) = (line for line in ran.out.splitlines() if " disk: " in line)
    assert disk.startswith("BAD  disk: ")
    assert disk.endswith(" – Make room: uploads are refused until then.")
    assert any(line.startswith("ok   journal: ") for line in ran.out.splitlines())
    wrong = [json.loads(line) for line in installed("doctor", "--json").out.splitlines()]
    assert [each["what"] for each in wrong if not each["is_well"] and not each["is_warning"]] == ["disk"]


def test_doctor_says_what_to_do_about_a_database_that_is_away(shell: Shell) -> None:
    shell.set(database_url="postgresql+psycopg://nobody@127.0.0.1:1/nowhere")
    ran = shell("doctor")
    assert ran.code == 1
    says, mend = WORDS["database-unavailable"], MENDS["database-unavailable"]
    assert ran.out == f"BAD  parts: {says} – {mend}\n"
    (finding,) = (json.loads(line) for line in shell("doctor", "--json").out.splitlines())
    assert (finding["is_well"], finding["mend"]) == (False, mend)


# ---- a fresh machine ---------------------------------------------------------------------------------------------


def test_first_command_makes_all_it_needs_and_leaves_nothing_running(tmp_path: Path) -> None:
    """As installed: nothing is set, the store is started by the command itself and ends with it."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    environment |= {f"{PREFIX}DATA": str(tmp_path / "data"), "COLUMNS": "80"}
    program = [sys.executable, "-m", "app.cli", "admin", "pilot", "spring", "Spring", "-l", "pl"]
    ran = subprocess.run(program, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120)
    assert (ran.returncode, ran.stdout) == (0, "Pilot spring is there.\n"), ran.stderr
    assert (tmp_path / "data" / "community-reporting.sqlite").is_file()
    assert (tmp_path / "data" / "objects").is_dir()
    running = [" ".join(each.info["cmdline"] or []) for each in psutil.process_iter(["cmdline"])]
    assert [each for each in running if str(tmp_path) in each] == []
