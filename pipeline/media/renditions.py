"""What people play and what the recogniser hears, made from an original and stripped of all its metadata.

Place, device, names, chapters, subtitles and attachments stay in the original: only the chosen sound and picture
are mapped, and every tag is dropped.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import ffmpeg
import numpy as np

from models.errors import PictureUnreadable, StageFailed
from pipeline.media import runner
from pipeline.media.inspection import Inspection, MediaLimits, mix_to_mono
from pipeline.media.runner import Limits, never
from pipeline.transcription.sound import seconds_of

SPEECH_RATE = 16_000
PEAKS_A_SECOND = 20
MAX_PEAKS = 20_000
# A quiet recording is lifted for the recogniser, but silence is not made into noise.
MOST_GAIN_DECIBELS = 20.0
LEAST_PEAK_DECIBELS = -50.0
# What a file can need for each second: the speech's WAV takes 32 kB, a picture of 720 lines full of noise 5 MB.
SOUND_BYTES_A_SECOND, PICTURE_BYTES_A_SECOND = 64_000, 8_000_000
SPARE_BYTES = 64 * 1024 * 1024
# Sound that begins after the picture, or pauses, is filled up with silence. A clock that jumps by hours, in a file of a
# few kilobytes, would become hours of it.
MOST_FILLED_SECONDS = 600.0
AAC = {
    "acodec": "aac",
    "audio_bitrate": "96k",
    "ar": 48_000,
    "movflags": "+faststart",
    "flags:a": "+bitexact",
    "f": "mp4",
}
NO_METADATA = {"map_metadata": -1, "map_chapters": -1, "fflags": "+bitexact"}

# Failures that no other attempt changes: ffmpeg came to its end, and said so. Where it was stopped, one may.
OF_THE_RECORDING = {"rendering-failed", "rendition-too-short"}

Made = tuple[str, Path]


def render_all(
    original: Path,
    findings: Inspection,
    folder: Path,
    *,
    limits: MediaLimits | None = None,
    cancelled: Callable[[], bool] = never,
    progress: Callable[[float], None] = lambda fraction: None,
) -> Iterator[Made]:
    """Make every rendition of a recording, the quick ones first: (kind, file) as each is whole.

    :raises PictureUnreadable: the sound's are all made, and something is to be heard; the picture's cannot be
    :raises StageFailed: one cannot be made, or came out shorter than the original
    """
    limits = limits or MediaLimits()
    weight = 0.2 if findings.has_video else 1.0
    if findings.audio_track is not None:
        yield from _sound(original, findings, folder, limits, cancelled, lambda part: progress(part * weight))
    if findings.has_video:
        yield from _picture(
            original, findings, folder, limits, cancelled, lambda part: progress(weight + part * (1 - weight))
        )


def render_speech(
    original: Path, findings: Inspection, out: Path, *, limits: MediaLimits | None = None
) -> None:
    """Make only what the recogniser hears: 16 kHz mono PCM in a WAV."""
    limits = limits or MediaLimits()
    graph = _speech(_sound_of(_input(original, limits), findings), findings, out)
    _encode([graph], findings, never, lambda fraction: None, reads=original, makes=[out])


def _sound(
    original: Path,
    findings: Inspection,
    folder: Path,
    limits: MediaLimits,
    cancelled: Callable[[], bool],
    progress: Callable[[float], None],
) -> Iterator[Made]:
    """Speech for the recogniser and audio for people, in one pass over the original."""
    speech, audio, peaks = folder / "speech.wav", folder / "audio.m4a", folder / "peaks.json"
    sound = _sound_of(_input(original, limits), findings).filter_multi_output("asplit")
    graphs = [_speech(sound[0], findings, speech), _audio(sound[1], findings, audio)]
    _encode(graphs, findings, cancelled, progress, reads=original, makes=[speech, audio])
    _check_length(speech, findings, limits)
    yield "speech", speech
    _check_length(audio, findings, limits)
    yield "audio", audio
    measure_peaks(speech, peaks)
    yield "peaks", peaks


def _picture(
    original: Path,
    findings: Inspection,
    folder: Path,
    limits: MediaLimits,
    cancelled: Callable[[], bool],
    progress: Callable[[float], None],
) -> Iterator[Made]:
    video, poster = folder / "video.mp4", folder / "poster.jpg"
    graph = _video(_input(original, limits), findings, video)
    try:
        _encode([graph], findings, cancelled, progress, reads=original, makes=[video])
        if findings.audio_track is not None:
            _check_length(video, findings, limits)
    except StageFailed as error:
        if findings.is_silent or error.code not in OF_THE_RECORDING:
            raise
        raise PictureUnreadable(error.code, **error.parameters) from error
    yield "video", video
    # From our own rendition: a second meeting with the original is not needed.
    at = min(1.0, findings.duration_seconds / 2)
    graph = ffmpeg.input(str(video), ss=at).output(
        str(poster), vframes=1, qscale=4, **{"map": "0:v:0", "map_metadata": -1, "flags:v": "+bitexact"}
    )
    _encode([graph], findings, cancelled, lambda fraction: None, reads=video, makes=[poster])
    if poster.stat().st_size:
        yield "poster", poster


def _input(original: Path, limits: MediaLimits) -> ffmpeg.Stream:
    options = runner.input_options()
    named = {options[i].lstrip("-"): options[i + 1] for i in range(0, len(options), 2)}
    return ffmpeg.input(str(original.resolve()), t=limits.max_seconds + 2, threads=limits.threads, **named)


def _sound_of(stream: ffmpeg.Stream, findings: Inspection) -> ffmpeg.Stream:
    # As when it was inspected: no sample that is no number.
    sound = stream[str(findings.audio_track)].filter("aformat", sample_fmts="s32")
    if findings.has_video:
        # Sound that starts after the picture is padded, so that words and picture keep the same clock.
        sound = sound.filter("aresample", **{"async": 1, "first_pts": 0})
    return sound


def _speech(sound: ffmpeg.Stream, findings: Inspection, out: Path) -> ffmpeg.Stream:
    sound = sound.filter("pan", args=mix_to_mono(findings.channels))
    gain = _gain_decibels(findings)
    if gain:
        sound = sound.filter("volume", f"{gain}dB")
    return ffmpeg.output(
        sound,
        str(out),
        t=_most_seconds(findings),
        ar=SPEECH_RATE,
        acodec="pcm_s16le",
        f="wav",
        vn=None,
        sn=None,
        dn=None,
        **NO_METADATA,
    )


def _audio(sound: ffmpeg.Stream, findings: Inspection, out: Path) -> ffmpeg.Stream:
    sound = _mono_or_stereo(sound, findings)
    return ffmpeg.output(
        sound, str(out), t=_most_seconds(findings), vn=None, sn=None, dn=None, **AAC, **NO_METADATA
    )


def _most_seconds(findings: Inspection) -> float:
    return findings.duration_seconds + MOST_FILLED_SECONDS


def _mono_or_stereo(sound: ffmpeg.Stream, findings: Inspection) -> ffmpeg.Stream:
    """Some codecs (Speex) do not say where their one channel belongs, and the encoder takes no such thing."""
    if findings.channels > 2:
        return sound.filter("pan", args=mix_to_mono(findings.channels))
    return sound.filter("aformat", channel_layouts="mono|stereo")


def _video(stream: ffmpeg.Stream, findings: Inspection, out: Path) -> ffmpeg.Stream:
    picture = stream[str(findings.video_track)].filter("scale", **_fit(findings)).filter("format", "yuv420p")
    tracks = [picture]
    if findings.audio_track is not None:
        tracks.append(_mono_or_stereo(_sound_of(stream, findings), findings))
    return ffmpeg.output(
        *tracks,
        str(out),
        t=_most_seconds(findings),
        vcodec="libx264",
        preset="veryfast",
        crf=26,
        # A phone in the dark changes its rate every second: frames keep their own times.
        fps_mode="vfr",
        fpsmax=30,
        sn=None,
        dn=None,
        # Television hides captions between the pictures (ATSC A/53): text from a stranger, like all metadata.
        a53cc=0,
        **{"flags:v": "+bitexact", "threads:v": 2, "rc-lookahead": 20},
        **AAC,
        **NO_METADATA,
    )


def _fit(findings: Inspection) -> dict[str, object]:
    """At most 720 lines on the shorter side and 1280 on the longer, never larger than it was, even sizes."""
    width, height = findings.width or 2, findings.height or 2
    scale = min(1.0, 1280 / max(width, height), 720 / min(width, height))
    return {"w": max(2, int(width * scale / 2) * 2), "h": max(2, int(height * scale / 2) * 2)}


def _gain_decibels(findings: Inspection) -> float:
    peak = findings.peak_decibels
    if peak is None or peak < LEAST_PEAK_DECIBELS:
        return 0.0
    return round(max(0.0, min(MOST_GAIN_DECIBELS, -3.0 - peak)), 1) if peak < -12 else 0.0


def _encode(
    graphs: list[ffmpeg.Stream],
    findings: Inspection,
    cancelled: Callable[[], bool],
    progress: Callable[[float], None],
    *,
    reads: Path,
    makes: list[Path],
) -> None:
    graph = graphs[0] if len(graphs) == 1 else ffmpeg.merge_outputs(*graphs)
    runner.encode(
        graph.get_args(),
        reads=[reads],
        makes=makes,
        limits=_allowed(findings),
        duration_seconds=findings.duration_seconds,
        progress=progress,
        cancelled=cancelled,
    )


def _allowed(findings: Inspection) -> Limits:
    """What encoding may take. A picture takes several times its length on a small machine."""
    length = max(findings.duration_seconds, findings.picture_seconds)
    seconds = 120 + length * (12 if findings.has_video else 2)
    a_second = PICTURE_BYTES_A_SECOND if findings.has_video else SOUND_BYTES_A_SECOND
    return Limits(
        wall_seconds=seconds, cpu_seconds=int(seconds * 2), file_bytes=SPARE_BYTES + int(length * a_second)
    )


def _check_length(made: Path, findings: Inspection, limits: MediaLimits) -> None:
    """A rendition that came out shorter lost part of the story: it is not kept (PeerTube once did)."""
    seconds = _seconds_of(made, limits)
    if findings.duration_seconds - seconds > max(0.3, 0.01 * findings.duration_seconds):
        raise StageFailed("rendition-too-short", kind=made.suffix)


def _seconds_of(made: Path, limits: MediaLimits) -> float:
    if made.suffix == ".wav":
        # Starting ffprobe takes a tenth of a second, and this is a header that we had written.
        return seconds_of(made)
    probed = runner.probe(made, limits=limits.probe)
    return float(json.loads(probed.output)["format"]["duration"]) if probed.code == 0 else 0.0


def measure_peaks(speech: Path, out: Path) -> None:
    """Write the waveform's peaks, as BBC audiowaveform's JSON (version 2): least and greatest, 8 bits each."""
    header = 44
    samples = max(0, speech.stat().st_size - header) // 2
    per_pixel = max(SPEECH_RATE // PEAKS_A_SECOND, -(-samples // MAX_PEAKS))
    peaks: list[int] = []
    with speech.open("rb") as file:
        file.seek(header)
        while block := file.read(per_pixel * 2):
            pixel = np.frombuffer(block[: len(block) // 2 * 2], dtype="<i2")
            if len(pixel):
                peaks += [int(pixel.min()) >> 8, int(pixel.max()) >> 8]
    out.write_text(
        json.dumps(
            {
                "version": 2,
                "channels": 1,
                "sample_rate": SPEECH_RATE,
                "samples_per_pixel": per_pixel,
                "bits": 8,
                "length": len(peaks) // 2,
                "data": peaks,
            }
        )
    )
