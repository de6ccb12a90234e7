"""Calling a stranger's address: real receivers, and no way inside."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.calling import Caller, CallFailed
from tests.pipeline.receiver import Receiver, certificate_for, receiving

NAME = "hooks.test"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as there:
        yield there


@pytest.fixture
def secure_receiver(tmp_path: Path) -> Iterator[Receiver]:
    with receiving(certificate_for(tmp_path, NAME)) as there:
        yield there


def trusting(folder: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(folder / "certificate.pem"))


def caller(receiver: Receiver, **given: object) -> Caller:
    """Somebody who is allowed to call NAME, which is on this machine."""
    asked: dict[str, object] = {"resolve": lambda host, port: ["127.0.0.1"]} | given
    return Caller([NAME], **asked)  # type: ignore[arg-type]


def test_body_and_headers_arrive_and_the_status_comes_back(receiver: Receiver) -> None:
    receiver.answers = [204, 500]
    calling = caller(receiver)
    assert calling.post(f"http://{NAME}:{receiver.port}/in?a=b", {"X-A": "b"}, b"{}") == 204
    assert calling.post(f"http://{NAME}:{receiver.port}/", {}, b"") == 500
    first = receiver.received[0]
    assert (first.path, first.body, first.headers["x-a"]) == ("/in?a=b", b"{}", "b")
    assert first.headers["host"] == f"{NAME}:{receiver.port}"


def test_certificate_is_verified_for_the_name_and_not_for_the_address(
    secure_receiver: Receiver, tmp_path: Path
) -> None:
    url = f"https://{NAME}:{secure_receiver.port}/"
    assert caller(secure_receiver, tls=trusting(tmp_path)).post(url, {}, b"") == 200
    with pytest.raises(CallFailed, match="certificate-refused"):
        caller(secure_receiver).post(url, {}, b"")
    other = Caller(["other.test"], tls=trusting(tmp_path), resolve=lambda host, port: ["127.0.0.1"])
    with pytest.raises(CallFailed, match="certificate-refused"):
        other.post(f"https://other.test:{secure_receiver.port}/", {}, b"")
    assert len(secure_receiver.received) == 1
    assert secure_receiver.server_names[0] == NAME


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "169.254.169.254",
        "192.168.0.1",
        "100.64.9.9",
        "::1",
        "::ffff:10.0.0.1",
        "64:ff9b::a00:1",
        "2002:a00:1::",
        "fe80::1%lo",
        "0.0.0.0",
    ],
)
def test_name_that_leads_inside_is_not_called(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[object] = []
    monkeypatch.setattr(socket.socket, "connect", lambda self, to: called.append(to))
    for found in ([address], ["93.184.216.34", address], [address, "93.184.216.34"]):
        with pytest.raises(CallFailed, match="address-refused"):
            Caller(resolve=lambda host, port, found=found: found).post("https://hooks.example/", {}, b"")
    assert called == []


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "127.1", "2130706433", "0x7f.1", "0", "[::1]", "[::ffff:127.0.0.1]"]
)
def test_every_way_to_write_this_machine_is_refused(host: str) -> None:
    with pytest.raises(CallFailed, match=r"address-refused|name-unknown"):
        Caller().post(f"https://{host}/", {}, b"")


def test_name_is_resolved_once_and_the_address_that_was_looked_at_is_called(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answers = [["93.184.216.34"], ["127.0.0.1"]]
    called: list[object] = []

    def connect(self: socket.socket, to: object) -> None:
        called.append(to)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket.socket, "connect", connect)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *given, **more: pytest.fail("resolved again"))
    with pytest.raises(CallFailed, match="connection-failed"):
        Caller(resolve=lambda host, port: answers.pop(0)).post("https://hooks.example/", {}, b"")
    assert called == [("93.184.216.34", 443)]
    assert len(answers) == 1


def test_redirect_is_not_followed(receiver: Receiver) -> None:
    receiver.answers = [302]
    assert caller(receiver).post(f"http://{NAME}:{receiver.port}/", {}, b"") == 302
    assert [each.path for each in receiver.received] == ["/"]


@pytest.mark.parametrize("how", ["silent", "dripping", "endless-headers"])
def test_slow_receiver_is_left_after_its_time(receiver: Receiver, how: str) -> None:
    receiver.manner = how
    began = time.monotonic()
    with pytest.raises(CallFailed, match="timeout"):
        caller(receiver, lasts_seconds=1.0).post(f"http://{NAME}:{receiver.port}/", {}, b"")
    assert time.monotonic() - began < 5


def test_handshake_that_nobody_answers_is_left_after_its_time() -> None:
    began = time.monotonic()
    with socket.create_server(("127.0.0.1", 0)) as mute:
        port = mute.getsockname()[1]
        calling = Caller([NAME], lasts_seconds=1.0, resolve=lambda host, port: ["127.0.0.1"])
        with pytest.raises(CallFailed, match="timeout"):
            calling.post(f"https://{NAME}:{port}/", {}, b"")
    assert time.monotonic() - began < 5


def test_endless_answer_is_not_read(receiver: Receiver) -> None:
    receiver.manner = "endless-body"
    began = time.monotonic()
    assert caller(receiver).post(f"http://{NAME}:{receiver.port}/", {}, b"") == 200
    assert time.monotonic() - began < 5


def test_resolver_that_hangs_is_left_after_its_time() -> None:
    waits = threading.Event()
    calling = Caller(lasts_seconds=0.5, resolve=lambda host, port: [str(waits.wait(30))])
    with pytest.raises(CallFailed, match="timeout"):
        calling.post("https://hooks.example/", {}, b"")
    waits.set()
    calling.close()


def test_nobody_there_and_nonsense_are_said_apart(receiver: Receiver) -> None:
    receiver.manner = "nonsense"
    with pytest.raises(CallFailed, match="connection-failed"):
        caller(receiver).post(f"http://{NAME}:{receiver.port}/", {}, b"")

    def unknown(host: str, port: int) -> list[str]:
        raise socket.gaierror

    with pytest.raises(CallFailed, match="name-unknown"):
        Caller(resolve=unknown).post("https://hooks.example/", {}, b"")
    with pytest.raises(CallFailed, match="address-refused"):
        Caller().post("http://hooks.example/", {}, b"")
