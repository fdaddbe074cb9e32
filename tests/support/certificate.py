"""A self-signed certificate for an upstream under test, made by the ``openssl`` command."""

import shutil
import ssl
import subprocess
from pathlib import Path

import pytest

__all__ = ["server_context"]


def server_context(folder: Path) -> ssl.SSLContext:
    """Return the context of a TLS server; skips the test where there is no ``openssl``."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("needs the openssl command")
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    files = ("-keyout", str(key), "-out", str(certificate))
    subprocess.run(
        [openssl, "req", "-x509", *curve, *files, "-days", "1", "-subj", "/CN=upstream.test"],
        check=True,
        capture_output=True,
        timeout=30,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context
