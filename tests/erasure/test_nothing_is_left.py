"""A story that was published and pulled is taken back: afterwards no byte of it is left in anything that is kept."""

from __future__ import annotations

import io
import os
import subprocess
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.consent import Use
from models.roles import Role
from models.stories import Part, Recording, Story, Tombstone
from models.tellers import CopyAnswer
from models.work import Wish
from storage import comments, listenings, review_copies, wishes
from tests.erasure import figures
from tests.erasure.house import BUCKET, House
from tests.erasure.traces import (
    Trace,
    ids,
    left_after,
    md5,
    media,
    missing_before,
    search,
    sha256,
    word,
)

# Words that are in no language, each in one place.
TITLE, WHERE, BY, WARNING = "quarzmond", "wolkendorf", "nebelmann", "sturzbach"
LABEL, NAME, CONTACT, GUARDIAN = "blattlaus", "żółwikowa", "felsquelle@example.org", "birkenmutter"
EVIDENCE, FIRST, SECOND, SPEAKER = "aktenkiste", "zwiebelturm", "kupferdach", "lerchenhall"
COLLECTED, CONCERN, CHANGE, FILE = "gartenzaun", "hagelkorn", "winterstern", "moosgruen"
COMMENT = "sommerlaube"


@dataclass
class Sent:
    """A story on the house's shelves, and who cares for it."""

    house: House
    story_id: str
    recording_id: str
    token: str
    traces: list[Trace]
    sender: Any
    team: Any
    release: str


def made_of(spoken: Path, folder: Path) -> bytes:
    """A film of a few seconds with what is spoken, as a phone would send it."""
    film = folder / "film.mp4"
    # Noise does not compress: what stores squeeze could not be found by looking at bytes.
    picture = ("-f", "lavfi", "-i", "nullsrc=s=160x120:r=10,geq=random(1)*255:128:128")
    codecs = ("-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac", "-shortest")
    line = ["ffmpeg", "-v", "error", *picture, "-i", str(spoken), *codecs, str(film)]
    subprocess.run(line, check=True)
    content = film.read_bytes()
    film.unlink()
    return content


def said(answer: Any) -> Any:
    assert answer.status_code < 300, (str(answer.request.url.path), answer.status_code, answer.text)
    return answer.json() if answer.content else None


def publish(house: House, film: bytes) -> Sent:
    """All that can happen to a story until it is pulled: by the API, as programs and pages do it."""
    pilot = house.field.pilot()
    facilitator = house.field.account(Role.FACILITATOR, pilot)
    sender = house.client(facilitator)
    curator = house.client(house.field.account(Role.CURATOR, pilot))
    team = house.client(house.field.account(Role.PILOT_TEAM, pilot))
    people = [
        {"label": LABEL, "part": "teller", "shown_name": NAME, "contact": CONTACT},
        {"label": "neighbour", "part": "heard", "guardian": GUARDIAN},
    ]
    story = {"title": f"The {TITLE}", "language": "en", "pilots": ["spring"], "people": people}
    story |= {"told_where": WHERE, "recorded_by": BY, "content_warning": WARNING}
    made = said(sender.post("/stories", json=story))
    here = f"/stories/{made['id']}"
    sent = said(sender.post(f"{here}/recordings", files={"file": (f"{FILE}.mp4", io.BytesIO(film))}))
    terms = {"uses": [use.value for use in Use], "share_with": ["spring"], "naming": "named"}
    terms |= {"face": "shown", "voice": "kept", "evidence": EVIDENCE}
    for person, giver in ((0, "person"), (1, "person"), (1, "guardian")):
        whose = f"{here}/people/{made['people'][person]['id']}/consents"
        said(sender.post(whose, json=terms | {"given_by": giver}))
    recording = f"{here}/recordings/{sent['id']}"
    house.wait_until(
        lambda: said(curator.get(recording))["state"] in ("ready", "failed", "refused"), "the pipeline"
    )
    assert said(curator.get(recording))["state"] == "ready"
    for word_of_it in (FIRST, SECOND):
        text = f"We met at the {word_of_it} and lost our work."
        version = said(curator.get(f"{recording}/transcript"))["version"]
        segment = {"start_seconds": 0, "end_seconds": 3, "text": text, "speaker": SPEAKER}
        said(
            curator.put(f"{recording}/transcript", json={"based_on_version": version, "segments": [segment]})
        )
    version = said(curator.get(f"{recording}/transcript"))["version"]
    said(curator.post(f"{recording}/transcript/{version}/approve"))
    said(curator.put(f"{here}/themes/work/accepted"))
    hold = said(curator.post(f"{here}/concerns", json={"note": CONCERN}))["hold_id"]
    said(curator.post(f"{here}/holds/{hold}/lift"))
    with house.database.write() as session:
        row = session.get_one(Story, made["id"])
        teller = next(person for person in row.people if person.part is Part.TELLER)
        review_copies.send(session, row, actor="test")
        review_copies.answer(
            session, row, teller.id, CopyAnswer.CHANGE_ASKED, message=f"Not the {CHANGE}.", actor="teller"
        )
        review_copies.send(session, row, actor="test")
        review_copies.answer(session, row, teller.id, CopyAnswer.APPROVED, actor="teller")
        comments.write(session, row, f"Was it the {COMMENT}?", actor=row.submitted_by)
    for verb in ("take-up", "curate", "publish"):
        said(curator.post(f"{here}/steps", json={"verb": verb}))
    collection = said(team.post("/collections", json={"pilot": "spring", "title": "Work"}))["id"]
    entry = {"story_id": made["id"], "note": f"For the {COLLECTED}."}
    said(team.post(f"/collections/{collection}/entries", json=entry))
    said(team.post(f"/collections/{collection}/releases"))
    release = f"/collections/{collection}/releases/1"
    pull(team, release, here, sent["id"])
    with house.database.read() as session:
        token = session.get_one(Story, made["id"]).object_token
    return Sent(house, made["id"], sent["id"], token, [], sender, team, release)


def pull(team: Any, release: str, here: str, recording_id: str) -> None:
    """Everything that can be asked for is, so that whatever is kept of an answer is kept now."""
    manifest = said(team.get(release))
    assert NAME in str(manifest)
    archive = team.get(f"{release}/download.zip")
    assert archive.status_code == 200
    with zipfile.ZipFile(io.BytesIO(archive.content)) as packed:
        assert any(name.endswith(".mp4") for name in packed.namelist())
    for path in ("renditions/video", "renditions/poster", "renditions/peaks", "captions.vtt"):
        assert team.get(f"{here}/recordings/{recording_id}/{path}").status_code == 200, path
    found = said(team.get("/search", params={"q": SECOND}))
    assert found["total"] == 1
    # Refused, and refused because it makes no sense: errors are kept in logs.
    assert team.put(f"{here}/themes/{TITLE}/accepted").status_code >= 400
    assert team.post("/stories", json={"title": TITLE, "told_where": WHERE}).status_code >= 400


def traces_of(sent: Sent, film: bytes) -> list[Trace]:
    """All that only this story has, and where it must lie as long as it is there."""
    database, store = "database", "store"
    with sent.house.database.read() as session:
        recording = session.get_one(Recording, sent.recording_id)
        files = {row.kind.value: row.object_key for row in recording.renditions}
        wish_ids = [wish.id for wish in wishes.of_story(session, sent.story_id)]
    contents = {kind: b"".join(sent.house.objects.open_range(key, 0, None)) for kind, key in files.items()}
    contents["original"] = film
    traces = [
        word("title", TITLE, database, "words of search"),
        word("a corrected word", FIRST, database),
        word("a word of the transcript", SECOND, database, "words of search"),
        *(
            word(name, text, database)
            for name, text in {
                "where": WHERE,
                "recorded by": BY,
                "warning": WARNING,
                "label": LABEL,
                "name": NAME,
                "contact": CONTACT,
                "guardian": GUARDIAN,
                "evidence": EVIDENCE,
                "speaker": SPEAKER,
                "collection's note": COLLECTED,
                "concern": CONCERN,
                "asked change": CHANGE,
                "comment": COMMENT,
                "file's name": FILE,
            }.items()
        ),
        ids("key", [sent.token], database, store, "bucket"),
        ids("wishes", wish_ids, database, "durable work", "log", may_stay_in="log"),
    ]
    for kind in ("original", "speech", "audio", "video", "poster"):
        traces.append(media(kind, contents[kind], store, "bucket"))
        traces.append(sha256(f"SHA-256 of {kind}", contents[kind], database))
        traces.append(md5(f"MD5 of {kind}", contents[kind], store))
    return traces


def begin_an_upload(sent: Sent) -> Trace:
    """An upload that broke off, as a service that was killed leaves it."""
    client, part = sent.house.objects._client, os.urandom(6_000_000)
    key = f"{sent.token}-o9"
    upload = client._create_multipart_upload(BUCKET, key, {"Content-Type": "application/octet-stream"})
    client._upload_part(BUCKET, key, part, None, upload, 1)
    return media("unfinished upload", part, "store")


def test_nothing_is_left(house: House, spoken: Path, tmp_path: Path) -> None:
    house.keep_nothing_squeezed()
    film = made_of(spoken, tmp_path)
    sent = publish(house, film)
    traces = [*traces_of(sent, film), begin_an_upload(sent)]
    places = house.places()
    house.write_to_files()

    before = search(traces, places)
    assert missing_before(traces, before) == []
    for place in ("log", "temporary folder", "work folder", "rest of the data folder"):
        assert before.found[place] - {"wishes"} == set(), f"{place}: it should never be there"

    house.wait_until(lambda: listened_to(house, sent.story_id), "it to be noted that the team listened")
    said(sent.sender.post(f"/stories/{sent.story_id}/withdraw"))
    assert sent.team.get(f"/stories/{sent.story_id}").status_code == 410
    assert sent.team.get(f"/search?q={SECOND}").json()["total"] == 0
    house.wait_until(lambda: is_erased(house, sent.story_id), "erasure")
    house.wait_until(lambda: not work_on(house, sent.story_id), "work to be forgotten")
    assert not listened_to(house, sent.story_id)
    said_by_doctor = house_doctor(house)
    assert "files: database: 1 erased stories, until 20" in said_by_doctor
    assert "files: index of names: 1 erased stories, until 20" in said_by_doctor

    house.command("erase-leftovers")
    house.wait_until_ready()
    house.write_to_files()
    after = search(traces, house.places())
    left = left_after(traces, after)
    figures.note(
        f"whole, {'postgresql' if house.postgresql else 'sqlite'}",
        places=len(places),
        traces=len(traces),
        before=before.count(),
        after=len(left),
    )
    assert left == []
    assert house_doctor(house).count("nothing left") == 3
    with house.database.read() as session:
        stone = session.get_one(Tombstone, sent.story_id)
        assert len(stone.digests) == 1
    assert sent.team.get(f"/stories/{sent.story_id}").status_code == 410


def listened_to(house: House, story_id: str) -> bool:
    with house.database.read() as session:
        return bool(listenings.of_story(session, story_id))


def is_erased(house: House, story_id: str) -> bool:
    with house.database.read() as session:
        return session.get_one(Tombstone, story_id).erased_at is not None


def work_on(house: House, story_id: str) -> list[Wish]:
    with house.database.read() as session:
        return wishes.of_story(session, story_id)


def house_doctor(house: House) -> str:
    """What the doctor says, well or not."""
    from app.operations.doctor import examine
    from app.parts import Parts
    from app.settings import Settings
    from pipeline.themes.codebook import load_codebook

    settings = Settings(_env_file=None, data=house.data, database_url=house.url, workers=0, min_free_bytes=0)
    parts = Parts(settings, house.database, house.objects, load_codebook(), house.embedded)
    return "\n".join(f"{each.what}: {each.says}" for each in examine(parts))
