"""The command line of the embedded store, its ports and its environment."""

from __future__ import annotations

import json
import platform
import random
import shutil
import socket
import sys
import time
from pathlib import Path

from models.errors import Unavailable
from storage.embedded.keys import IDENTITIES, write_private

PORTS = ("s3", "s3.grpc", "master", "master.grpc", "volume", "volume.grpc", "filer", "filer.grpc")
# Below the range that Linux gives to outgoing connections, one of which could hold a port of ours by chance.
LOWEST_PORT, HIGHEST_PORT = 15000, 32000
# Without a limit memory grows to 600 MB and stays there; under one that is too near, collecting never ends.
MEMORY = "350MiB"
LETTING_GO_SECONDS = 3.0
WITHOUT_S3 = "-s3=false"
# A new bucket would begin with seven volumes, for which a small disk has no room, or all of it.
GROWTH = ("master.toml", "[master.volume_growth]\ncopy_1 = 2\n")


def write_growth(run: Path) -> None:
    """Say how many volumes a bucket grows by at a time; the server reads it where it is started."""
    name, content = GROWTH
    write_private(run / name, content)


def program() -> str:
    """The server's program, from the wheel beside this Python or from the path.

    :raises Unavailable: there is none for this machine
    """
    beside = Path(sys.executable).parent / "weed"
    found = str(beside) if beside.exists() else shutil.which("weed")
    if found is None:
        machine = f"{platform.system()} {platform.machine()}"
        raise Unavailable("object-store-not-for-this-machine", machine=machine)
    return found


def read_ports(run: Path) -> dict[str, int]:
    """The ports that were chosen for a store."""
    ports: dict[str, int] = json.loads((run / "ports.json").read_text())
    return ports


def ensure_ports(run: Path) -> None:
    """Choose ports once; choose anew those that somebody else listens on now. The store must not be running.

    Data survives other ports: what is stored is found by the number of its volume.
    """
    path = run / "ports.json"
    before = read_ports(run) if path.exists() else {}
    ports: dict[str, int] = {}
    for name in PORTS:
        port = before.get(name)
        ports[name] = (
            port if port and _becomes_free(port) else _free_port(taken=(*ports.values(), *before.values()))
        )
    if ports != before:
        write_private(path, json.dumps(ports))


def _becomes_free(port: int) -> bool:
    """Whether a port of ours can be had again: a server that was just killed holds its ports a moment longer.

    Whoever serves looks for the store at its old place, and would not find it at another.
    """
    deadline = time.monotonic() + LETTING_GO_SECONDS
    while not _is_free(port):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def _free_port(taken: tuple[int, ...]) -> int:
    while True:
        port = random.SystemRandom().randint(LOWEST_PORT, HIGHEST_PORT)
        if port not in taken and _is_free(port):
            return port


def _is_free(port: int) -> bool:
    with socket.socket() as trial:
        # As the server does: connections of its predecessor that are still closing are no hindrance.
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def environment(run: Path) -> dict[str, str]:
    """Nothing of the starter's environment: it may hold settings and secrets of ours."""
    return {"PATH": "/usr/bin:/bin", "HOME": str(run), "GOMEMLIMIT": MEMORY}


def server_command(run: Path, content: Path, *, is_alone: bool = False) -> list[str]:
    """Everything on loopback, no HTTP but S3's, no telemetry; ``content`` is where the volumes lie.

    :param is_alone: without S3 too
    """
    ports = read_ports(run)
    s3 = WITHOUT_S3 if is_alone else "-s3"
    return [
        # The store ends with the process that started it; whoever else needs it starts it again.
        *("setpriv", "--pdeathsig", "KILL", "--"),
        *(program(), "-logtostderr=true", "server", f"-dir={content}"),
        *("-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-filer", s3, f"-s3.config={IDENTITIES}"),
        *(f"-{part}={ports[name]}" for part, name in _flags()),
        *("-s3.port.iceberg=0", "-s3.port.lance=0"),
        # Relative, because a socket's path holds 107 bytes.
        *("-filer.localSocket=f.sock", "-s3.localSocket=s.sock"),
        *("-disableHttp", "-master.telemetry=false"),
        *("-master.electionTimeout=300ms", "-master.heartbeatInterval=50ms"),
        # Vacuuming copies a volume: small volumes, and room for it when the disk counts as full.
        *("-master.volumeSizeLimitMB=256", "-volume.max=0", "-volume.minFreeSpace=1GiB"),
        "-volume.preStopSeconds=0",
    ]


def shell_command(run: Path) -> list[str]:
    """SeaweedFS's shell for this store. It must be started in ``run``, where it finds its certificate."""
    ports = read_ports(run)
    return [
        *(program(), "shell"),
        f"-master=127.0.0.1:{ports['master']}.{ports['master.grpc']}",
        f"-filer=127.0.0.1:{ports['filer']}.{ports['filer.grpc']}",
    ]


def leftover_sockets(run: Path) -> list[Path]:
    """Sockets of gRPC at a fixed path, which a killed server leaves behind."""
    parts = ("s3", "master", "volume", "filer")
    ports = read_ports(run)
    return [Path(f"/tmp/seaweedfs-{part}-grpc-{ports[f'{part}.grpc']}.sock") for part in parts]  # noqa: S108


def _flags() -> list[tuple[str, str]]:
    halves = (name.split(".") for name in PORTS)
    return [(".".join([half[0], "port", *half[1:]]), ".".join(half)) for half in halves]
