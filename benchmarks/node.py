"""Colobus under test: a node with one worker, and the certificate that every proxy shows."""

import datetime as dt
import shutil
import sys
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

import colobus.gateway
from benchmarks.datastore import Datastores
from benchmarks.subjects import UPSTREAM_CONNECTIONS, Absent, Proxy, Surroundings
from benchmarks.workload import Setup

__all__ = ["Colobus", "make_certificate"]


class Colobus(Proxy):
    """A node with one worker; the CPU time of its supervisor counts as well.

    Args:
        datastores: where its APIs come from.
        pure: run the pure build.
    """

    def __init__(
        self, folder: Path, surroundings: Surroundings, datastores: Datastores, *, pure: bool
    ) -> None:
        super().__init__(folder, surroundings)
        self.datastores = datastores
        self.pure = pure
        self.admin_port = surroundings.ports.take()

    def start(self, setup: Setup) -> None:
        if not self.pure:
            needs_extensions()
        if self.folder.exists():
            shutil.rmtree(self.folder)
        self.folder.mkdir(parents=True)
        database = self.folder / "colobus.db"
        self.datastores.copy(setup, database)
        if setup.access_log:
            self.access_log = self.folder / "logs" / "access.log"
        around = self.surroundings
        settings = {
            "prefix": self.folder,
            "sqlite_path": database,
            "proxy_listen": f"127.0.0.1:{self.port}",
            "proxy_listen_ssl": f"127.0.0.1:{self.tls_port}",
            "ssl_cert": around.certificate,
            "ssl_cert_key": around.key,
            "admin_listen": f"127.0.0.1:{self.admin_port}",
            "cluster_listen": f"127.0.0.1:{around.ports.take()}",
            "cluster_listen_rpc": f"127.0.0.1:{around.ports.take()}",
            "worker_processes": 1,
            "upstream_keepalive": UPSTREAM_CONNECTIONS,
            "client_idle_timeout": 3600,
            "proxy_access_log": self.access_log or "off",
            "admin_access_log": "off",
        }
        environment = {f"COLOBUS_{name.upper()}": str(value) for name, value in settings.items()}
        environment["COLOBUS_PURE"] = "1" if self.pure else "0"
        command = [sys.executable, "-m", "colobus.cli.main", "start", "--foreground"]
        self.run(command, environment)
        self.wait_until_ready(setup)

    @property
    def supervisor_pid(self) -> int:
        """The process that owns the worker."""
        return self.pids()[0]


def needs_extensions() -> None:
    """Refuse where the compiled build is not there.

    Raises:
        Absent: there are no extensions: the figures would be those of the pure build.
    """
    if not any(Path(colobus.gateway.__path__[0]).glob("wire.*.so")):
        raise Absent("the extensions are not built (make build-extensions)")


def make_certificate(folder: Path) -> tuple[Path, Path, Path]:
    """Write a self-signed certificate for 127.0.0.1 (EC P-256), its key, and both in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=7))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    shown = certificate.public_bytes(pem)
    secret = key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    paths = (folder / "certificate.pem", folder / "key.pem", folder / "both.pem")
    for path, content in zip(paths, (shown, secret, shown + secret), strict=True):
        path.touch(mode=0o600)
        path.write_bytes(content)
    return paths
