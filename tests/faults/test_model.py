"""The service beside a model of it: whatever is done, and wherever it dies, the two agree after every step."""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import select

from app.operations import housekeeping, serving
from app.operations import restore as restoring
from app.operations.backup import make_backup
from app.parts import Parts, open_as_it_is
from app.parts import build as build_parts
from app.settings import Settings
from models.roles import Principal, Role
from models.stories import Recording, RecordingState
from models.stories import Story as Row
from storage import ledger, recordings, themes, transcripts
from storage.embedded import Embedded
from storage.sealing import make_key
from tests.app.conftest import served_over
from tests.app.uploads.sending import BYTES, metadata, some_bytes
from tests.faults.ground import Ground
from tests.faults.knobs import STEPS
from tests.faults.model import READERS, USES, Model, Story
from tests.faults.warm import play
from tests.plugins.databases import on_sqlite
from tests.plugins.objects import bucket_on
from tests.plugins.stories import CODEBOOK, THEME

# Few, so that much befalls each.
MOST_STORIES, MOST_LIVES = 3, 3
# Those that are named more often are done more often, and the first in the simplest life.
DEEDS = (
    *(*["bring_on"] * 5, "send", "upload", "consent", "consent", "withdraw", "release", "erase", "crash"),
    *("die_consenting", "die_withdrawing", "die_sending", "back_up", "restore"),
)
STEPS_AT_ONCE = 80
TUS = {"Tus-Resumable": "1.0.0"}
Making = Callable[[ExitStack, str], Ground]


@dataclass(frozen=True)
class Chance:
    """What was drawn for one step: a story's id, and what else a deed may need."""

    story_id: str
    uses: frozenset[str]
    at: int
    fraction: float


class Machine(RuleBasedStateMachine):
    """What people do, and what befalls the service.

    One rule draws everything: rules of their own would be switched off at random, and a story's road is long.
    """

    make: Making

    @initialize()
    def open(self) -> None:
        self.opened = ExitStack()
        self.model, self.lives = Model(), 0
        self.uploads: dict[str, str] = {}
        self.backed_up: tuple[Model, dict[str, str]] | None = None
        self.ground = type(self).make(self.opened, "first")
        folder = self.ground.folder
        self.tombstones, self.backups, self.key = folder / "stones", folder / "backups", folder / "key"
        make_key(self.key)
        field, pilot = self.ground.field, self.ground.field.pilot()
        self.people: dict[str, Principal] = {
            "sender": self.ground.sender,
            "curator": field.account(Role.CURATOR, pilot),
            "team": field.account(Role.PILOT_TEAM, pilot),
            "stranger": field.account(Role.REPORTER, pilot),
        }
        self.keys = {name: self.ground.key_of(person) for name, person in self.people.items()}
        self._stand_on(build_parts(self._settings()))

    def teardown(self) -> None:
        if hasattr(self, "opened"):
            if self.model.stories:
                looked = play(self._place(), [("recover", {}), ("look_over", {})])
                assert looked.of("ill") == []
            self.opened.close()

    @rule(
        deed=st.sampled_from(DEEDS),
        which=st.integers(0, MOST_STORIES - 1),
        uses=st.sampled_from(USES),
        at=st.integers(1, 40),
        fraction=st.floats(0, 0.9),
    )
    def something_happens(
        self, deed: str, which: int, uses: frozenset[str], at: int, fraction: float
    ) -> None:
        there = list(self.model.stories)
        chance = Chance(there[which % len(there)] if there else "", uses, at, fraction)
        getattr(self, deed if there else "send")(chance)

    # ---- what people do ----

    def send(self, chance: Chance) -> None:
        if len(self.model.stories) == MOST_STORIES:
            return
        content = some_bytes(int(10 + chance.fraction * 100_000), len(self.model.stories))
        sent = {"title": "The bench", "language": "en", "pilots": ["spring"]}
        story_id = str(self._ask("sender", "POST", "/stories", 201, json=sent).json()["id"])
        self.model.stories[story_id] = Story(content)

    def upload(self, chance: Chance) -> None:
        story_id, story = chance.story_id, self.model.stories[chance.story_id]
        if story.is_received or not self._takes_recordings(story):
            return
        where = self._upload_of(story_id, story)
        offset = self._offset(where, story)
        end = max(offset, int(len(story.content) * chance.fraction))
        self._patch(where, offset, story.content[offset:end])
        story.kept_bytes = end

    def bring_on(self, chance: Chance) -> None:
        """The next steps of its road: whole, consented to, worked on, curated, published."""
        story_id, story = chance.story_id, self.model.stories[chance.story_id]
        for _ in range(1 + chance.at % 3):
            if story.is_withdrawn:
                return
            if not story.is_received:
                self._finish(story_id, story)
            elif story.uses != USES[3]:
                self.consent(replace(chance, uses=USES[3]))
            elif not story.is_processed:
                self._process(story_id, story)
            elif story.state in ("submitted", "in-review"):
                self._curate(story_id, story)
            elif story.state == "curated" and not self._is_awaited(story_id):
                self._step(story_id, "publish")
                story.step("published")

    def _finish(self, story_id: str, story: Story) -> None:
        where = self._upload_of(story_id, story)
        offset = self._offset(where, story)
        self._patch(where, offset, story.content[offset:])
        story.is_received = True

    def consent(self, chance: Chance) -> None:
        story_id, story, uses = chance.story_id, self.model.stories[chance.story_id], chance.uses
        if story.is_withdrawn:
            self._consent(story_id, uses, 410)
            return
        self._consent(story_id, uses, 201)
        story.consent(uses)

    def withdraw(self, chance: Chance) -> None:
        story_id, story = chance.story_id, self.model.stories[chance.story_id]
        self._ask("sender", "POST", f"/stories/{story_id}/withdraw", 410 if story.is_withdrawn else 200)
        if not story.is_withdrawn:
            story.withdraw()

    def _curate(self, story_id: str, story: Story) -> None:
        if story.state == "submitted":
            self._step(story_id, "take-up")
            story.step("in-review")
        if self._is_awaited(story_id):
            self._step(story_id, "curate", 409)
        else:
            self._step(story_id, "curate")
            story.step("curated")

    def _is_awaited(self, story_id: str) -> bool:
        """Another recording of it was begun, and has not ended yet."""
        with self.ground.database.read() as session:
            states = select(Recording.state).where(Recording.story_id == story_id)
            return RecordingState.UPLOADING in session.scalars(states)

    def release(self, chance: Chance) -> None:
        found = [each for each, story in self.model.stories.items() if story.is_open_to_team()]
        if not found:
            return
        made = self._ask("team", "POST", "/collections", 201, json={"pilot": "spring", "title": "All"})
        address = f"/collections/{made.json()['id']}"
        for each in found:
            self._ask("team", "POST", f"{address}/entries", 201, json={"story_id": each})
        number = self._ask("team", "POST", f"{address}/releases", 201).json()["number"]
        self.model.releases[f"{address}/releases/{number}"] = tuple(found)

    # ---- what the service does ----

    def _process(self, story_id: str, story: Story) -> None:
        """What the pipeline would make of it, and a curator approve."""
        field, actor = self.ground.field, self.people["curator"].account_id or ""
        with self.ground.database.write() as session:
            row = session.get_one(Row, story_id)
            recording = session.scalars(_received(story_id)).one()
            recordings.note_inspection(session, recording, {}, duration_seconds=9.0, has_picture=False)
            heard = field.process(session, row, recording, ["I sat down."])
            for rendition in recording.renditions:
                content = self.ground.objects.put_stream(rendition.object_key, io.BytesIO(story.content))
                rendition.sha256, rendition.size_bytes = content.sha256, content.size_bytes
            transcripts.approve(session, row, heard, actor=actor)
            themes.accept(session, row, THEME, actor=actor, codebook=CODEBOOK)
        story.is_processed = True

    def erase(self, chance: Chance) -> None:
        if self.model.stories[chance.story_id].is_withdrawn:
            play(self._place(), [("work", {"story_id": chance.story_id, "steps": ["erase", "erased"]})])

    # ---- what befalls it ----

    def crash(self, chance: Chance) -> None:
        """Nothing is kept but what lies on disks."""
        self.parts.close()
        self._stand_on(build_parts(self._settings()))
        serving.withdraw_again(self.parts)
        for look in housekeeping.LOOKS:
            look(self.parts)

    def die_consenting(self, chance: Chance) -> None:
        self._die(chance, "consent", {"person_id": self._person_of(chance.story_id)})

    def die_withdrawing(self, chance: Chance) -> None:
        self._die(chance, "withdraw", {})

    def die_sending(self, chance: Chance) -> None:
        self._die(chance, "send_by_form", {"content": self.model.stories[chance.story_id].content})

    def _die(self, chance: Chance, act: str, given: dict[str, Any]) -> None:
        """Killed at a write: afterwards it happened wholly, or not at all."""
        story_id, story = chance.story_id, self.model.stories[chance.story_id]
        if story.is_withdrawn:
            return
        if act == "send_by_form" and (story.is_received or not self._takes_recordings(story)):
            return
        before = self._deeds(story_id, act)
        given = {"story_id": story_id} | given
        told = play(self._place(), [(act, given)], fails_at=chance.at, how="dies")
        self.crash(chance)
        if self._deeds(story_id, act) == before:
            answered = told.of("last" if act == "send_by_form" else act)
            assert answered is None, f"{act} was answered {answered}, and is lost"
        elif act == "consent":
            story.consent(USES[2])
        elif act == "withdraw":
            story.withdraw()
        else:
            story.is_received = True

    def _deeds(self, story_id: str, act: str) -> int:
        """How often it was done."""
        with self.ground.database.read() as session:
            if act == "consent":
                return len(ledger.events_of(session, story_id))
            if act == "send_by_form":
                return len(list(session.scalars(_received(story_id))))
            return int(session.get_one(Row, story_id).state == "withdrawn")

    def _person_of(self, story_id: str) -> str:
        with self.ground.database.read() as session:
            row = session.get(Row, story_id)
            return row.people[0].id if row is not None else ""

    def back_up(self, chance: Chance) -> None:
        make_backup(self.parts, self.backups)
        self.backed_up = self.model.copy(), dict(self.uploads)

    def restore(self, chance: Chance) -> None:
        """The machine is lost, but for the backups and the second place of tombstones."""
        if self.backed_up is None or self.lives == MOST_LIVES:
            return
        self.lives += 1
        self.parts.close()
        self.ground = type(self).make(self.opened, f"restored-{self.lives}")
        parts = open_as_it_is(self._settings())
        restoring.restore(parts, self.backups, self.key)
        parts.close()
        self._stand_on(build_parts(self._settings()))
        serving.withdraw_again(self.parts)
        older, self.uploads = self.backed_up[0], dict(self.backed_up[1])
        self.model = self.model.restored_from(older)
        for story in self.model.stories.values():
            # The spool was on that machine.
            story.kept_bytes = 0

    # ---- they agree ----

    @invariant()
    def everybody_reads_what_the_model_says(self) -> None:
        for story_id, story in getattr(self, "model", Model()).stories.items():
            for reader in READERS:
                self._ask(reader, "GET", f"/stories/{story_id}", story.status(reader))
            if not story.is_withdrawn:
                self._check_recording(story_id, story)

    def _check_recording(self, story_id: str, story: Story) -> None:
        with self.ground.database.read() as session:
            received = list(session.scalars(_received(story_id)))
            assert session.get_one(Row, story_id).state == story.state
        assert len(received) == int(story.is_received)

    @invariant()
    def releases_hold_what_the_model_says(self) -> None:
        for address in getattr(self, "model", Model()).releases:
            manifest = self._ask("team", "GET", address, 200).json()
            there = {each["entry"]["story_id"] for each in manifest["entries"] if each.get("entry")}
            assert there == self.model.in_release(address)
            assert len(manifest["entries"]) == len(self.model.releases[address])

    # ---- how ----

    def _settings(self) -> Settings:
        more = {"tombstones": self.tombstones, "backup_key": self.key}
        return Settings(_env_file=None, **self.ground.settings | more)

    def _place(self) -> dict[str, Any]:
        settings = self.ground.settings | {"tombstones": str(self.tombstones), "backup_key": str(self.key)}
        return {"settings": settings, "key": self.keys["sender"]}

    def _stand_on(self, parts: Parts) -> None:
        self.parts = parts
        self.client = TestClient(
            served_over(parts), base_url=parts.settings.base_url, raise_server_exceptions=False
        )

    def _ask(self, who: str, method: str, path: str, expected: int, **given: Any) -> Any:
        headers = {"accept": "application/json"} | given.pop("headers", {})
        if who in self.keys:
            headers["authorization"] = f"Bearer {self.keys[who]}"
        answer = self.client.request(method, f"/api/v1{path}", headers=headers, **given)
        assert answer.status_code == expected, (
            f"{who} {method} {path}: {answer.status_code} {answer.text[:300]}"
        )
        return answer

    def _takes_recordings(self, story: Story) -> bool:
        return not story.is_withdrawn and story.state in ("submitted", "in-review")

    def _upload_of(self, story_id: str, story: Story) -> str:
        if story_id not in self.uploads:
            said = {"Upload-Length": str(len(story.content))}
            said["Upload-Metadata"] = metadata(story_id=story_id, filename="a.wav")
            begun = self._ask("sender", "POST", "/uploads", 201, headers=TUS | said)
            self.uploads[story_id] = begun.headers["location"].removeprefix("/api/v1")
        return self.uploads[story_id]

    def _offset(self, where: str, story: Story) -> int:
        offset = int(self._ask("sender", "HEAD", where, 200, headers=TUS).headers["upload-offset"])
        assert offset >= story.kept_bytes
        return offset

    def _patch(self, where: str, offset: int, data: bytes) -> None:
        headers = TUS | BYTES | {"Upload-Offset": str(offset)}
        self._ask("sender", "PATCH", where, 204, headers=headers, content=data)

    def _consent(self, story_id: str, uses: frozenset[str], expected: int) -> None:
        person = self._person_of(story_id) if expected == 201 else "0" * 32
        terms = {"uses": sorted(uses), "share_with": ["spring"], "naming": "named", "face": "shown"}
        self._ask("sender", "POST", f"/stories/{story_id}/people/{person}/consents", expected, json=terms)

    def _step(self, story_id: str, verb: str, expected: int = 200) -> None:
        self._ask("curator", "POST", f"/stories/{story_id}/steps", expected, json={"verb": verb})


def _received(story_id: str) -> Any:
    return select(Recording).where(
        Recording.story_id == story_id, Recording.state != RecordingState.UPLOADING
    )


@pytest.fixture
def making(sqlite_template: Path, object_server: Embedded, tmp_path: Path) -> Making:
    """Makes a ground in a folder of its own; the first with people, the others empty."""
    numbers = iter(range(1_000_000))

    def make(opened: ExitStack, what: str) -> Ground:
        folder = tmp_path / f"{next(numbers)}-{what}"
        folder.mkdir()
        opened.callback(shutil.rmtree, folder, ignore_errors=True)
        database = opened.enter_context(on_sqlite(folder, sqlite_template if what == "first" else None))
        objects = opened.enter_context(bucket_on(object_server))
        return Ground(folder, database, objects, object_server, has_people=what == "first")

    return make


def run(making: Making, *, examples: int, steps: int, is_random: bool) -> None:
    machine = type("TestedMachine", (Machine,), {"make": staticmethod(making)})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            database=None,
            derandomize=not is_random,
            # Steps take tenths of a second: the first life that shows a fault is told as it was.
            phases=[Phase.generate],
            report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_service_and_model_agree(making: Making) -> None:
    run(making, examples=2, steps=15, is_random=False)


@pytest.mark.long
def test_service_and_model_agree_for_long(making: Making) -> None:
    run(making, examples=10, steps=60, is_random=True)


@pytest.mark.long
@pytest.mark.faults
@pytest.mark.skipif(not STEPS, reason="FAULTS_STEPS says how many: make test-night")
def test_service_and_model_agree_all_night(making: Making) -> None:
    # Not one step fewer than was asked for.
    run(making, examples=-(-STEPS // STEPS_AT_ONCE), steps=STEPS_AT_ONCE, is_random=True)
