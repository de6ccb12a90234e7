"""What only this user may know: S3 credentials, signing keys and the one certificate that gRPC trusts.

Signing keys alone protect nothing: without ``-disableHttp`` SeaweedFS's master hands tokens to anyone, and its
gRPC deletes without asking. See docs/decisions/0004-embedded-object-store.md.
"""

from __future__ import annotations

import datetime
import ipaddress
import json
import os
import secrets
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

# Paths are relative to the folder that the server is started in: the data folder can be moved.
CERTIFICATE, PRIVATE_KEY, SECURITY, IDENTITIES = "tls.pem", "tls.key", "security.toml", "s3.json"
SIGNED = ("jwt.signing", "jwt.signing.read", "jwt.filer_signing", "jwt.filer_signing.read")
SPEAKERS = ("master", "volume", "filer", "s3", "client")


def write_private(path: Path, content: str | bytes) -> None:
    """Replace a file by one that only its owner can read, whole or not at all."""
    partial = path.with_name(path.name + ".partial")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content.encode() if isinstance(content, str) else content)
    os.replace(partial, path)


def ensure_keys(run: Path) -> None:
    """Make all of them once."""
    # The security file comes last: where it is, the others are.
    if not (run / SECURITY).exists():
        write_private(run / IDENTITIES, json.dumps(_identities()))
        _write_certificate(run)
        write_private(run / SECURITY, _security())


def credentials(run: Path) -> tuple[str, str]:
    """The access key and the secret key of the one identity."""
    keys = json.loads((run / IDENTITIES).read_text())["identities"][0]["credentials"][0]
    return keys["accessKey"], keys["secretKey"]


def _identities() -> dict[str, object]:
    keys = {"accessKey": secrets.token_hex(10), "secretKey": secrets.token_urlsafe(32)}
    actions = ["Admin", "Read", "Write", "List", "Tagging"]
    return {"identities": [{"name": "app", "credentials": [keys], "actions": actions}]}


def _security() -> str:
    signing = "".join(
        f'[{part}]\nkey = "{secrets.token_urlsafe(32)}"\nexpires_after_seconds = 60\n' for part in SIGNED
    )
    speaking = "".join(f'[grpc.{part}]\ncert = "{CERTIFICATE}"\nkey = "{PRIVATE_KEY}"\n' for part in SPEAKERS)
    return f'{signing}[access]\nui = false\n[grpc]\nca = "{CERTIFICATE}"\n{speaking}'


def _write_certificate(run: Path) -> None:
    """One self-signed certificate, used as authority, server and client: nobody else is to be trusted."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    purposes = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
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
        .add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    write_private(run / CERTIFICATE, certificate.public_bytes(pem))
    plain = serialization.NoEncryption()
    write_private(run / PRIVATE_KEY, key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))
