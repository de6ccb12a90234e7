"""The demo's stories: fictional, ours, spoken by espeak-ng. Nobody in them exists."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.media.runner import MIB, Limits, encode


@dataclass(frozen=True)
class DemoStory:
    """A story to be spoken. ``themes`` are those that its curator will accept if they are suggested."""

    code: str
    title: str
    language: str
    pilot: str
    text: str
    is_video: bool = False


STORIES = (
    DemoStory(
        "bus",
        "The bus that never comes",
        "en",
        "uk",
        "I came out of prison in spring, and the first thing I needed was a bus. The probation office is eleven "
        "miles away, and the bus goes twice a day. If I miss my appointment, they say that I do not care. "
        "My worker was kind. She listened to me, she rang the council, and now there is a van on Tuesdays. "
        "It sounds like nothing. For me it was the first time that somebody changed something because I spoke.",
    ),
    DemoStory(
        "garden",
        "El huerto de la esquina",
        "es",
        "es",
        "Llevaba dos años sin trabajo y no salía de casa. Una vecina me invitó al huerto del barrio. Allí aprendí a "
        "cultivar tomates y conocí a otras personas. Ahora doy clases a los jóvenes y quiero montar mi propio negocio. "
        "Por primera vez siento que tengo algo que dar a los demás.",
    ),
    DemoStory(
        "stairs",
        "Schody",
        "pl",
        "pl",
        "Mieszkam na czwartym piętrze bez windy. Mam osiemdziesiąt lat i boję się wychodzić z domu. Córka mieszka za "
        "granicą. Najgorsza jest samotność. W nowym wspólnym domu dla seniorów mam swój pokój, ale obiad jemy razem. "
        "Wreszcie ktoś mnie pyta o zdanie.",
    ),
    DemoStory(
        "kitchen",
        "A kitchen for everyone",
        "en",
        "uk",
        "Every Thursday we cook together at the community centre. When my benefits stopped I was ashamed to go to the "
        "food bank. Here nobody asks why you come. I can cook, so I teach the others. I hope that one day we will have "
        "a kitchen of our own.",
        is_video=True,
    ),
)
PILOTS = {
    "uk": ("People with convictions, Northton", ["en"]),
    "es": ("Entrepreneurial skills, Villanueva", ["es"]),
    "pl": ("Co-housing of seniors, Nowa Wola", ["pl"]),
}


def record(story: DemoStory, folder: Path) -> Path:
    """Speak a story into a file: a WAV, or a video of a card with its colour."""
    folder.mkdir(parents=True, exist_ok=True)
    wav = folder / f"{story.code}.wav"
    speak(story.text, story.language, wav)
    if not story.is_video:
        return wav
    video = folder / f"{story.code}.mp4"
    arguments: Sequence[str] = [
        *("-f", "lavfi", "-i", "testsrc2=size=1280x720:rate=25", "-i", str(wav.resolve()), "-shortest"),
        *(
            "-c:v",
            "libx264",
            "-preset",
            "ultrafast",
            "-pix_fmt",
            "yuv420p",
            "-c:a",
            "aac",
            str(video.resolve()),
        ),
    ]
    limits = Limits(wall_seconds=300, cpu_seconds=300, file_bytes=1024 * MIB)
    encode(arguments, reads=[wav], makes=[video], limits=limits, duration_seconds=30.0)
    return video


def speak(text: str, language: str, wav: Path) -> None:
    """Speak a text into a WAV with espeak-ng."""
    subprocess.run(
        ["espeak-ng", "-v", language, "-s", "140", "-w", str(wav), "--stdin"],
        input=text.encode(),
        check=True,
        timeout=120,
    )
