import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from colobus.clock import SystemClock
from colobus.errors import NodeError
from colobus.node.certificate import ensure_self_signed
from colobus.testing.clock import ManualClock


def test_a_certificate_is_made_for_localhost(tmp_path: Path) -> None:
    certificate, key = tmp_path / "ssl" / "a.crt", tmp_path / "ssl" / "a.key"
    clock = SystemClock()
    ensure_self_signed(certificate, key, clock)
    made = x509.load_pem_x509_certificate(certificate.read_bytes())
    now = datetime.fromtimestamp(clock.time(), UTC)
    assert made.subject == made.issuer
    assert made.not_valid_before_utc < now < made.not_valid_after_utc - timedelta(days=3000)
    names = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["localhost"]
    private = load_pem_private_key(key.read_bytes(), None)
    assert isinstance(private, rsa.RSAPrivateKey)
    assert private.public_key() == made.public_key()
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert stat.S_IMODE(key.parent.stat().st_mode) == 0o700
    assert sorted(path.name for path in key.parent.iterdir()) == ["a.crt", "a.key"]


def test_a_pair_that_is_there_is_kept_and_half_of_one_is_made_anew(tmp_path: Path) -> None:
    certificate, key = tmp_path / "a.crt", tmp_path / "a.key"
    ensure_self_signed(certificate, key, SystemClock())
    before = certificate.read_bytes()
    ensure_self_signed(certificate, key, ManualClock())
    assert certificate.read_bytes() == before
    certificate.unlink()
    (tmp_path / "a.key.new").write_text("of a start that was cut short")
    ensure_self_signed(certificate, key, SystemClock())
    made = x509.load_pem_x509_certificate(certificate.read_bytes())
    private = load_pem_private_key(key.read_bytes(), None)
    assert private.public_key() == made.public_key()


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "ssl").write_text("a file")
    with pytest.raises(NodeError, match=r"cannot write .*ssl"):
        ensure_self_signed(tmp_path / "ssl" / "a.crt", tmp_path / "ssl" / "a.key", SystemClock())
