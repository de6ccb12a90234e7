"""The cage around children that open strangers' files: one that was taken over gets at nothing but its own work."""

from __future__ import annotations

import ctypes
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline import cage
from pipeline.cage import walls

ROOT = Path(__file__).resolve().parents[2]
PYTHON = Path(sys.base_prefix)

# What somebody would do who has taken a child over. Each line of the answer: what was tried, and whether it went.
TAKEN_OVER = """
import ctypes, json, os, socket, sys
place = json.loads(sys.argv[1])
libc = ctypes.CDLL(None, use_errno=True)

def call(*arguments):
    if libc.syscall(*arguments) < 0:
        raise OSError(ctypes.get_errno(), "")

here = ("127.0.0.1", place["port"])

def knock(family, address, kind=socket.SOCK_STREAM):
    with socket.socket(family, kind) as one:
        one.connect(address)
        one.send(b"x")

tries = {
    "read its own recording": lambda: open(place["mine"]).read(),
    "write what it is to make": lambda: open(place["made"], "w").write("x"),
    "read the database": lambda: open(place["database"]).read(),
    "read a key": lambda: open(place["key"]).read(),
    "read another job's recording": lambda: open(place["other"]).read(),
    "list what there is": lambda: os.listdir(place["data"]),
    "read who may sign in": lambda: open("/etc/passwd").read(),
    "read the service's environment": lambda: open(f"/proc/{place['service']}/environ").read(),
    "read the service's memory": lambda: open(f"/proc/{place['service']}/mem", "rb").read(0),
    "write to its own recording": lambda: open(place["mine"], "a"),
    "write to the database": lambda: open(place["database"], "a"),
    "make a file beside": lambda: open(place["made"] + "2", "w"),
    "make a file in /tmp": lambda: open(place["temporary"], "w"),
    "remove what it made": lambda: os.unlink(place["made"]),
    "remove the database": lambda: os.unlink(place["database"]),
    "move the database here": lambda: os.rename(place["database"], place["made"]),
    "cut the database off": lambda: os.truncate(place["database"], 1),
    "open the database to others": lambda: os.chmod(place["database"], 0o666),
    "call an address on this machine": lambda: knock(socket.AF_INET, here),
    "send to an address on this machine": lambda: knock(socket.AF_INET, here, socket.SOCK_DGRAM),
    "call a socket with a path": lambda: knock(socket.AF_UNIX, place["socket"]),
    "call a socket without one": lambda: knock(socket.AF_UNIX, "\\0" + place["socket"]),
    "end the service": lambda: os.kill(place["service"], 0),
    "look into the service": lambda: call(101, 16, place["service"], 0, 0) if os.uname().machine == "x86_64" else 1/0,
    "make itself root of a world of its own": lambda: call(272, 0x10000000) if os.uname().machine == "x86_64" else 1/0,
    "hand its calls to the kernel in a ring": lambda: call(425, 1, ctypes.create_string_buffer(120)),
}
for name, attempt in tries.items():
    try:
        attempt()
        print(json.dumps([name, True]))
    except (OSError, ArithmeticError):
        print(json.dumps([name, False]))
"""
ALLOWED = {"read its own recording", "write what it is to make"}


@pytest.fixture
def place(tmp_path: Path) -> Iterator[dict[str, Any]]:
    """A service's folder, two jobs in it, somebody who listens, and a process that is the service."""
    data = tmp_path / "data"
    (data / "work" / "one").mkdir(parents=True)
    (data / "work" / "two").mkdir()
    files = {
        "mine": data / "work" / "one" / "original",
        "made": data / "work" / "one" / "audio.m4a",
        "other": data / "work" / "two" / "original",
        "database": data / "community-reporting.sqlite",
        "key": data / "journal-key",
    }
    for path in files.values():
        path.write_text("secret")
    path = str(tmp_path / "s")
    service = subprocess.Popen(["/bin/sleep", "600"])
    with (
        socket.create_server(("127.0.0.1", 0)) as tcp,
        socket.socket(socket.AF_UNIX) as named,
        socket.socket(socket.AF_UNIX) as nameless,
    ):
        named.bind(path)
        named.listen()
        nameless.bind("\0" + path)
        nameless.listen()
        yield {
            **{name: str(path) for name, path in files.items()},
            **{"data": str(data), "temporary": str(tmp_path / "elsewhere"), "socket": path},
            **{"port": tcp.getsockname()[1], "service": service.pid},
        }
    service.kill()
    service.wait()


def tried(place: dict[str, Any], *, is_caged: bool) -> dict[str, bool]:
    command = [sys.executable, "-I", "-S", "-c", TAKEN_OVER, json.dumps(place)]
    if is_caged:
        command = cage.around(
            command,
            reads=[Path(place["mine"])],
            runs=[PYTHON, Path(sys.prefix)],
            writes=[Path(place["made"])],
            limits={"core": 0},
        )
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    return dict(json.loads(line) for line in done.stdout.splitlines())


def needs(*wanted: str) -> None:
    if missing := set(wanted) - cage.standing():
        pytest.skip(f"this kernel does not let us build: {', '.join(sorted(missing))}")


def test_every_wall_that_this_kernel_knows_stands() -> None:
    """So that a wall that fell is not taken for a kernel without it, and skipped below."""
    libc = ctypes.CDLL(None)
    if libc.syscall(walls.CREATE_RULESET, None, 0, 1) >= 1:
        assert "files" in cage.standing()
    if "\nSeccomp:" in Path("/proc/self/status").read_text() and os.uname().machine in walls.MACHINES:
        assert "calls" in cage.standing()
    if any(
        subprocess.run(["unshare", how, "true"], capture_output=True).returncode == 0 for how in ("-n", "-rn")
    ):
        assert "network" in cage.standing()


def test_child_that_was_taken_over_gets_at_nothing_but_its_own_work(place: dict[str, Any]) -> None:
    needs("files", "calls")
    assert {name for name, went in tried(place, is_caged=True).items() if went} == ALLOWED
    assert Path(place["database"]).read_text() == "secret"
    assert Path(place["database"]).stat().st_mode & 0o777 != 0o666
    assert Path(place["mine"]).read_text() == "secret"
    assert Path(place["made"]).read_text() == "x"


def test_without_the_cage_it_gets_at_what_is_the_services(place: dict[str, Any]) -> None:
    """That the test above shows something: the same attempts, as ffmpeg could have made them."""
    went = {name for name, is_done in tried(place, is_caged=False).items() if is_done}
    assert went >= ALLOWED | {
        *("read the database", "read a key", "read another job's recording", "list what there is"),
        *("read who may sign in", "read the service's environment", "write to its own recording"),
        *("make a file beside", "make a file in /tmp", "call an address on this machine"),
        *("call a socket with a path", "call a socket without one", "end the service"),
    }


def test_child_has_no_capabilities_and_gets_none(tmp_path: Path) -> None:
    command = ["/bin/grep", "-E", "^(Cap|NoNewPrivs|Seccomp:)", "/proc/self/status"]
    caged = cage.around(command, reads=[Path("/proc")], limits={})
    said = subprocess.run(caged, capture_output=True, text=True, check=True).stdout.split()
    held = dict(zip(said[::2], said[1::2], strict=True))
    assert held.pop("NoNewPrivs:") == "1"
    assert held.pop("Seccomp:") == ("2" if "calls" in cage.standing() else "0")
    if os.getuid() != 0:
        # Whoever has no right to give them up has none to lose.
        held.pop("CapBnd:")
    assert set(held.values()) == {"0" * 16}


def test_program_that_is_missing_is_an_error_of_the_child() -> None:
    done = subprocess.run(cage.around(["/usr/bin/no-such"], limits={}), capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (127, "")


# What a kernel does not know, by the walls that are open then: a call's number, and its first argument if it matters.
LANDLOCK, SECCOMP, UNSHARE = (444, None), (157, walls.PR_SET_SECCOMP), (272, None)
KERNELS = {
    "files": (LANDLOCK,),
    "calls": (SECCOMP,),
    "network": (UNSHARE,),
}
OLDER_KERNEL = """
import sys
from pathlib import Path
from pipeline import cage
from pipeline.cage import walls as w
from pipeline.media.inspection import MediaLimits, inspect
from pipeline.media.renditions import render_all

w._libc.prctl(w.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
for number, argument in CALLS:
    is_it = [(w.EQUAL, 0, 1, argument)] if argument is not None else [(w.AT_LEAST, 0, 1, 0)]
    before = [(w.LOAD, 0, 0, w.AT_NUMBER), (w.EQUAL, 0, 3, number), (w.LOAD, 0, 0, w.AT_FIRST_ARGUMENT)]
    assert w.install([*before, *is_it, (w.RETURN, 0, 0, w.REFUSE | 38), (w.RETURN, 0, 0, w.ALLOW)])

original = Path(sys.argv[1])
found = inspect(original, told_in_sign_language=False, limits=MediaLimits())
made = [kind for kind, path in render_all(original, found, original.parent) if path.stat().st_size]
print(*made)
print(*sorted(cage.standing()))
"""


@pytest.mark.parametrize(
    "missing", ["files, calls, network", *(pytest.param(wall, marks=pytest.mark.long) for wall in KERNELS)]
)
def test_kernel_that_knows_less_builds_what_it_knows_and_the_work_goes_on(
    tmp_path: Path, missing: str
) -> None:
    if os.uname().machine != "x86_64":
        pytest.skip("the calls are named by their numbers on x86-64")
    needs("calls")
    original = tmp_path / "a.wav"
    tone = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "sine=d=1", str(original)]
    subprocess.run(tone, check=True)
    unknown = [call for wall in ("files", "network", "calls") for call in KERNELS[wall] if wall in missing]
    code = f"CALLS = {unknown!r}\n{OLDER_KERNEL}"
    command = [sys.executable, "-c", code, str(original)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    made, standing = done.stdout.splitlines()
    assert made.split() == ["speech", "audio", "peaks"]
    assert set(standing.split()) == cage.standing() - set(missing.split(", "))
