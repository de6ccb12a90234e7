"""The demo: a service of its own, and stories sent the whole way through its API, as programs would send them."""

from __future__ import annotations

import io
import json
import socket
import threading
import time
import zipfile
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import urllib3
from rich.console import Console

from app.operations import serving
from app.operations.demo_ground import make_anew, settings_apart
from app.operations.demo_stories import PILOTS, STORIES, DemoStory, record
from app.operations.logs import configure_logging
from app.parts import Parts, build
from models.accounts import LinkPurpose
from models.roles import Role, Scope
from pipeline.transcription.wer import word_error_rate
from storage import accounts, api_keys, journal, pilots

PATIENCE_SECONDS = 900.0
SHARED = {"uses": ["curation", "sharing", "publication", "excerpts"], "naming": "pseudonym", "face": "shown"}


@dataclass
class Arrived:
    """What became of one demo story."""

    story: DemoStory
    story_id: str
    word_error_rate: float
    themes: list[str]


class Demo:
    """One run of the demo, over a folder of its own that is made anew each time."""

    def __init__(self, data: Path, port: int, console: Console) -> None:
        self._folder = data
        self._console = console
        self._port = _free_port(port)
        self._http = urllib3.PoolManager(timeout=urllib3.Timeout(connect=5, read=120))
        self._keys: dict[str, str] = {}

    def run(self, *, stays: bool) -> bool:
        """Run it; with ``stays`` the service goes on until it is interrupted. True if every story arrived."""
        make_anew(self._folder)
        configure_logging(is_quiet=True)
        settings = settings_apart(self._folder, self._port)
        parts = build(settings)
        server = serving.server(parts)
        thread = threading.Thread(target=server.run, name="demo-server", daemon=True)
        thread.start()
        try:
            link = self._prepare(parts)
            self._say(f"[bold]Community Reporting[/bold] runs at {settings.base_url}")
            self._wait_until_ready()
            arrived = [self._send_and_curate(story) for story in STORIES]
            is_pulled = self._release_and_pull(arrived)
            self._say(f"\n{len(arrived)} of {len(STORIES)} stories arrived, collection pulled: {is_pulled}")
            if stays:
                self._say(f"\nLook around as curator and pilot team (the link works once):\n  {link}")
                self._say("Stop with Ctrl+C.")
                _wait_for_interrupt(thread)
            return is_pulled and len(arrived) == len(STORIES)
        finally:
            server.should_exit = True
            thread.join(timeout=30)
            if parts.embedded:
                parts.embedded.stop()
            parts.close()

    def _prepare(self, parts: Parts) -> str:
        """Pilots, a reporter, and somebody who curates and pulls; returns the visitor's link."""
        with parts.database.write() as session:
            made = {
                code: pilots.create(session, code, name, languages, actor=journal.SERVICE)
                for code, (name, languages) in PILOTS.items()
            }
            reporter = accounts.create(session, "Demo Reporter", "reporter", actor=journal.SERVICE)
            curator = accounts.create(session, "Demo Visitor", "visitor", actor=journal.SERVICE)
            for pilot in made.values():
                accounts.give_role(session, reporter.id, pilot.id, Role.REPORTER, actor=journal.SERVICE)
                for role in (Role.CURATOR, Role.PILOT_TEAM):
                    accounts.give_role(session, curator.id, pilot.id, role, actor=journal.SERVICE)
            for name, account in (("reporter", reporter), ("curator", curator)):
                self._keys[name] = api_keys.make(
                    session, account, "demo", list(Scope), days=1, actor=journal.SERVICE
                ).token
            token = accounts.make_link(
                session, LinkPurpose.SIGN_IN, account_id=curator.id, lasts=timedelta(days=1)
            )
        return f"http://127.0.0.1:{self._port}/come-in/{token}"

    def _send_and_curate(self, story: DemoStory) -> Arrived:
        self._say(
            f"\n[bold]{story.title}[/bold] ({story.language}, {'video' if story.is_video else 'audio'})"
        )
        recording = record(story, self._folder / "recordings")
        story_id = self._send(story, recording)
        recording_id, spent = self._watch(story_id)
        self._say(f"  processed   {', '.join(spent)}")
        rate = self._review(story, story_id, recording_id)
        themes = self._accept_themes(story_id)
        self._step(story_id, "take-up")
        self._step(story_id, "curate")
        self._say("  curated     consent, transcript and themes are as they must be")
        return Arrived(story, story_id, rate, themes)

    def _send(self, story: DemoStory, recording: Path) -> str:
        sent = self._call(
            "reporter",
            "POST",
            "/stories",
            {
                "title": story.title,
                "language": story.language,
                "pilots": [story.pilot],
                "purpose": "both",
                "told_when": "this year",
                "people": [{"label": "the teller", "part": "teller", "shown_name": "Robin"}],
            },
        )
        story_id, person_id = sent["id"], sent["people"][0]["id"]
        self._call(
            "reporter",
            "POST",
            f"/stories/{story_id}/people/{person_id}/consents",
            SHARED | {"share_with": [story.pilot]},
        )
        with recording.open("rb") as file:
            received = self._call(
                "reporter",
                "POST",
                f"/stories/{story_id}/recordings",
                fields={"file": (recording.name, file.read(), "application/octet-stream")},
            )
        self._say(
            f"  received    {received['size_bytes']:,} bytes, sha256 {received['sha256'][:12]}…, consent recorded"
        )
        return str(story_id)

    def _watch(self, story_id: str) -> tuple[str, list[str]]:
        """Wait until a story's recording is ready, and say how long each step took."""
        began, step = time.monotonic(), None
        spent: list[str] = []
        deadline = began + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            recording = self._call("reporter", "GET", f"/stories/{story_id}")["recordings"][0]
            now = recording["progress"]["step"] if recording["progress"] else None
            if now != step:
                if step:
                    spent.append(f"{step} {time.monotonic() - began:.1f} s")
                step, began = now, time.monotonic()
            if recording["failure"]:
                raise RuntimeError(recording["failure"]["says"])
            if recording["state"] == "ready":
                return str(recording["id"]), spent
            time.sleep(0.05)
        raise RuntimeError("the story was not processed in time")

    def _review(self, story: DemoStory, story_id: str, recording_id: str) -> float:
        at = f"/stories/{story_id}/recordings/{recording_id}/transcript"
        heard = self._call("curator", "GET", at)
        rate = word_error_rate(story.text, " ".join(segment["text"] for segment in heard["segments"]))
        self._say(
            f"  transcribed {len(heard['segments'])} captions, word error rate {rate:.2f}, machine-made"
        )
        self._call("curator", "POST", f"{at}/{heard['version']}/approve")
        return rate

    def _accept_themes(self, story_id: str) -> list[str]:
        found = self._call("curator", "GET", f"/stories/{story_id}/themes")["themes"]
        for theme in found[:4]:
            self._call("curator", "PUT", f"/stories/{story_id}/themes/{theme['theme']}/accepted")
            evidence = theme["evidence"][0]
            self._say(
                f"  theme       {theme['theme']}: “{evidence['text']}” at {evidence['start_seconds']:.1f} s"
            )
        if not found:
            self._call("curator", "PUT", f"/stories/{story_id}/themes/need/accepted")
            self._say("  theme       need (added by hand: none was suggested)")
        return [theme["theme"] for theme in found[:4]]

    def _step(self, story_id: str, verb: str) -> None:
        self._call("curator", "POST", f"/stories/{story_id}/steps", {"verb": verb})

    def _release_and_pull(self, arrived: list[Arrived]) -> bool:
        """A collection of the first pilot's stories, released and pulled as one ZIP."""
        mine = [each for each in arrived if each.story.pilot == STORIES[0].pilot]
        collection = self._call(
            "curator",
            "POST",
            "/collections",
            {"pilot": STORIES[0].pilot, "title": "What helps on the way back"},
        )
        at = f"/collections/{collection['id']}"
        for each in mine:
            self._call("curator", "POST", f"{at}/entries", {"story_id": each.story_id, "note": ""})
        release = self._call("curator", "POST", f"{at}/releases")
        packed = self._raw("curator", "GET", f"{at}/releases/{release['number']}/download.zip")
        with zipfile.ZipFile(io.BytesIO(packed)) as archive:
            names = archive.namelist()
            is_whole = archive.testzip() is None
        self._say(
            f"\n[bold]Collection[/bold] release {release['number']}, {len(mine)} stories, "
            f"root {release['root_digest'][:12]}…"
        )
        for name in names:
            self._say(f"  {name}")
        return is_whole and len(mine) > 0

    def _call(
        self, who: str, method: str, path: str, body: Any = None, fields: dict[str, Any] | None = None
    ) -> Any:
        return json.loads(self._raw(who, method, path, body, fields))

    def _raw(
        self, who: str, method: str, path: str, body: Any = None, fields: dict[str, Any] | None = None
    ) -> bytes:
        address = f"http://127.0.0.1:{self._port}/api/v1{path}"
        headers = {"Authorization": f"Bearer {self._keys[who]}"}
        if fields:
            response = self._http.request(method, address, fields=fields, headers=headers)
        else:
            response = self._http.request(method, address, json=body, headers=headers)
        if response.status >= 400:
            raise RuntimeError(f"{method} {path}: {response.status} {response.data.decode(errors='replace')}")
        return response.data

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                if (
                    self._http.request("GET", f"http://127.0.0.1:{self._port}/readyz", retries=False).status
                    == 200
                ):
                    return
            except urllib3.exceptions.HTTPError:
                time.sleep(0.1)
        raise RuntimeError("the service did not come up")

    def _say(self, text: str) -> None:
        self._console.print(text, highlight=False, soft_wrap=True)


def _free_port(wanted: int) -> int:
    """The wanted port, or any if somebody listens there already."""
    with socket.socket() as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind(("127.0.0.1", wanted))
        except OSError:
            listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
        return port


def _wait_for_interrupt(thread: threading.Thread) -> None:
    try:
        thread.join()
    except KeyboardInterrupt:
        return
