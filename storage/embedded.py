"""The object store that needs no set-up: SeaweedFS, started on loopback by whichever command comes first.

SeaweedFS listens on eight ports, and signing keys alone protect none of them: its master hands tokens to anyone,
its gRPC deletes without asking. So its HTTP is off except for S3, gRPC asks for a certificate, volumes for a key,
and all of these are random and lie in a folder that only this user can read (docs/decisions/0002).
"""

from __future__ import annotations

import datetime
import fcntl
import ipaddress
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from models.errors import StoryError, Unavailable
from storage.objects import Objects

PORTS = ("s3", "s3.grpc", "master", "master.grpc", "volume", "volume.grpc", "filer", "filer.grpc")
START_SECONDS = 60.0
START_ATTEMPTS = 3
PROBE_BUCKET = "ready-check"


@dataclass(frozen=True)
class Embedded:
    """A running embedded store, and how to reach it."""

    folder: Path
    endpoint: str
    access_key: str
    secret_key: str

    def stop(self) -> None:
        """Stop it at once. What was acknowledged is on disk; asking politely takes 15 seconds."""
        pid = _running_pid(self.folder)
        if pid is not None:
            os.kill(pid, signal.SIGKILL)
            for _ in range(200):
                if _running_pid(self.folder) is None:
                    break
                time.sleep(0.02)

    @property
    def is_running(self) -> bool:
        return _running_pid(self.folder) is not None

    def shell(self, *commands: str) -> str:
        """Run commands of SeaweedFS's shell. It says nothing when one fails: check by other means."""
        run, ports = _run_folder(self.folder), _ports(self.folder)
        done = subprocess.run(
            [
                _weed(),
                "shell",
                f"-master=127.0.0.1:{ports['master']}.{ports['master.grpc']}",
                f"-filer=127.0.0.1:{ports['filer']}.{ports['filer.grpc']}",
            ],
            input="\n".join(["lock", *commands, "unlock", ""]),
            cwd=run,
            env={"PATH": "/usr/bin:/bin", "HOME": str(run)},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        return done.stdout

    def erase_leftovers(self) -> None:
        """Rewrite the volumes without what was deleted: until then deleted content lies on disk."""
        self.shell("volume.vacuum -garbageThreshold=0", "fs.log.purge -daysAgo=0")


def start_or_join(folder: Path) -> Embedded:
    """The store of a data folder: joined if it runs, started otherwise.

    :raises Unavailable: it does not come up, or there is none for this machine
    """
    with _one_at_a_time(folder):
        is_new = _prepare(folder)
        store = _described(folder)
        if not store.is_running:
            store = _start_and_wait(folder)
        else:
            _wait_until_ready(store)
        if is_new:
            # One fsync a PUT: an acknowledged object survives loss of power.
            store.shell("fs.configure -locationPrefix=/buckets/ -fsync -apply")
            (_run_folder(folder) / "prepared").touch()
    return store


def _described(folder: Path) -> Embedded:
    keys = json.loads((_run_folder(folder) / "s3.json").read_text())["identities"][0]["credentials"][0]
    return Embedded(folder, f"127.0.0.1:{_ports(folder)['s3']}", keys["accessKey"], keys["secretKey"])


def _start_and_wait(folder: Path) -> Embedded:
    """Start it, on other ports if these were taken by others meanwhile."""
    for attempt in range(1, START_ATTEMPTS + 1):
        _start(folder)
        try:
            _wait_until_ready(_described(folder))
            break
        except Unavailable:
            _described(folder).stop()
            if attempt == START_ATTEMPTS:
                raise
            _write(_run_folder(folder) / "ports.json", json.dumps(_free_ports()))
    return _described(folder)


def _weed() -> str:
    beside = Path(sys.executable).parent / "weed"
    found = str(beside) if beside.exists() else shutil.which("weed")
    if found is None:
        raise Unavailable("embedded-store-missing")
    return found


def _run_folder(folder: Path) -> Path:
    return folder / "run"


def _ports(folder: Path) -> dict[str, int]:
    ports: dict[str, int] = json.loads((_run_folder(folder) / "ports.json").read_text())
    return ports


@contextmanager
def _one_at_a_time(folder: Path) -> Iterator[None]:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _prepare(folder: Path) -> bool:
    """Make keys, certificate and ports once; whether the first start is still to be finished."""
    run = _run_folder(folder)
    run.mkdir(mode=0o700, exist_ok=True)
    (folder / "objects").mkdir(exist_ok=True)
    if not (run / "security.toml").exists():
        _write(run / "ports.json", json.dumps(_free_ports()))
        _write(run / "s3.json", json.dumps(_identity()))
        _write_certificate(run)
        _write(run / "security.toml", _security(run))
    return not (run / "prepared").exists()


def _write(path: Path, text: str | bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(text.encode() if isinstance(text, str) else text)


def _free_ports() -> dict[str, int]:
    sockets = [socket.socket() for _ in PORTS]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return {name: each.getsockname()[1] for name, each in zip(PORTS, sockets, strict=True)}
    finally:
        for each in sockets:
            each.close()


def _identity() -> dict[str, object]:
    keys = {"accessKey": secrets.token_hex(10), "secretKey": secrets.token_urlsafe(32)}
    actions = ["Admin", "Read", "Write", "List", "Tagging"]
    return {"identities": [{"name": "app", "credentials": [keys], "actions": actions}]}


def _write_certificate(run: Path) -> None:
    """One self-signed certificate, used as authority, server and client: nobody else is to be trusted."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=36500))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]),
            critical=False,
        )
        .add_extension(
            x509.SubjectAlternativeName(
                [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
            ),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    _write(run / "tls.pem", certificate.public_bytes(serialization.Encoding.PEM))
    _write(
        run / "tls.key",
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ),
    )


def _security(run: Path) -> str:
    signing = "".join(
        f'[jwt.{part}]\nkey = "{secrets.token_urlsafe(32)}"\nexpires_after_seconds = 60\n'
        for part in ("signing", "signing.read", "filer_signing", "filer_signing.read")
    )
    certificates = "".join(
        f'[grpc.{part}]\ncert = "{run / "tls.pem"}"\nkey = "{run / "tls.key"}"\n'
        for part in ("master", "volume", "filer", "s3", "client")
    )
    return f'{signing}[access]\nui = false\n[grpc]\nca = "{run / "tls.pem"}"\n{certificates}'


def _command(folder: Path) -> list[str]:
    run, ports = _run_folder(folder), _ports(folder)
    return [
        # The store ends with the process that started it; the next command starts it again.
        *("setpriv", "--pdeathsig", "KILL", "--"),
        *(_weed(), "-logtostderr=true", "server", f"-dir={folder / 'objects'}"),
        *("-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-filer", "-s3", f"-s3.config={run / 's3.json'}"),
        *(
            f"-s3.port={ports['s3']}",
            f"-s3.port.grpc={ports['s3.grpc']}",
            "-s3.port.iceberg=0",
            "-s3.port.lance=0",
        ),
        *(f"-master.port={ports['master']}", f"-master.port.grpc={ports['master.grpc']}"),
        *(f"-volume.port={ports['volume']}", f"-volume.port.grpc={ports['volume.grpc']}"),
        *(f"-filer.port={ports['filer']}", f"-filer.port.grpc={ports['filer.grpc']}"),
        *(f"-filer.localSocket={run / 'f.sock'}", f"-s3.localSocket={run / 's.sock'}"),
        *("-disableHttp", "-master.telemetry=false"),
        *("-master.electionTimeout=300ms", "-master.heartbeatInterval=50ms"),
        *(
            "-master.volumeSizeLimitMB=256",
            "-volume.max=0",
            "-volume.preStopSeconds=0",
            "-volume.minFreeSpace=1GiB",
        ),
    ]


def _start(folder: Path) -> None:
    """Start it from a thread that lives as long as this process: its end is what the store dies of."""
    started = threading.Event()
    failure: list[BaseException] = []

    def hold() -> None:
        try:
            run = _run_folder(folder)
            environment = {"PATH": "/usr/bin:/bin", "HOME": str(run), "GOMEMLIMIT": "200MiB"}
            # Its log names keys, so it is kept nowhere.
            process = subprocess.Popen(
                _command(folder),
                cwd=run,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
            _write(run / "pid", f"{process.pid}")
        except BaseException as error:
            failure.append(error)
            return
        finally:
            started.set()
        process.wait()

    threading.Thread(target=hold, name="embedded-store", daemon=True).start()
    started.wait()
    if failure:
        raise Unavailable("object-store-unavailable", reason=type(failure[0]).__name__) from failure[0]


def _running_pid(folder: Path) -> int | None:
    """The process of this folder's store, if it runs: its id may have been given to another since."""
    try:
        pid = int((_run_folder(folder) / "pid").read_text())
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except (OSError, ValueError):
        return None
    return pid if str(folder).encode() in command else None


def _wait_until_ready(store: Embedded) -> None:
    """Ready is a PUT that succeeds, not an open port."""
    objects = Objects.connect(
        store.endpoint, store.access_key, store.secret_key, PROBE_BUCKET, secure=False, retries=False
    )
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            objects.ensure_bucket()
            objects.check_writable()
            return
        except StoryError as error:
            if time.monotonic() > deadline or not store.is_running:
                raise Unavailable("object-store-unavailable", reason="start") from error
            time.sleep(0.1)
