"""The certificate of a node that was given none: self-signed, made once, kept in the prefix."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from colobus.clock import Clock
from colobus.errors import NodeError

__all__ = ["ensure_self_signed"]

# Reference: proxying §2.9.
KEY_BITS: Final = 2048
HOST: Final = "localhost"
# Nobody renews it, and nobody should rely on it: long enough to be in nobody's way.
VALIDITY: Final = timedelta(days=3650)


def ensure_self_signed(certificate: Path, key: Path, clock: Clock) -> None:
    """Make a self-signed certificate and its key, unless both files are there.

    Raises:
        NodeError: they cannot be written.
    """
    if certificate.is_file() and key.is_file():
        return
    private = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
    secret = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    public = _self_signed(private, clock.time()).public_bytes(Encoding.PEM)
    try:
        key.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # The certificate comes last: a start that was cut short makes both anew.
        certificate.unlink(missing_ok=True)
        _write(key, secret, 0o600)
        _write(certificate, public, 0o644)
    except OSError as exc:
        raise NodeError(f"cannot write {exc.filename or key}: {exc.strerror}") from exc


def _self_signed(private: rsa.RSAPrivateKey, now: float) -> x509.Certificate:
    start = datetime.fromtimestamp(now, UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    public = private.public_key()
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start - timedelta(days=1))  # for clients whose clock is behind
        .not_valid_after(start + VALIDITY)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .sign(private, SHA256())
    )


def _write(path: Path, content: bytes, mode: int) -> None:
    """Write a file whole or not at all, with its permissions from the first byte on."""
    draft = path.with_name(path.name + ".new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
