"""The keyring in its file."""

import stat
from pathlib import Path

import pytest

from colobus.cluster.keyring import encode_key
from colobus.cluster.keyring_file import load_keyring, save_keyring
from colobus.errors import KeyringError

KEYS = [bytes(range(32)), bytes(16)]


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    path = tmp_path / "keyring.json"
    save_keyring(path, KEYS)
    assert load_keyring(path).keys == tuple(KEYS)
    save_keyring(path, KEYS[::-1])
    assert load_keyring(path).keys == tuple(KEYS[::-1])
    assert [entry.name for entry in tmp_path.iterdir()] == ["keyring.json"]


def test_only_its_owner_reads_the_file_whatever_it_was_before(tmp_path: Path) -> None:
    path = tmp_path / "keyring.json"
    path.write_text("[]")
    path.chmod(0o644)
    save_keyring(path, KEYS)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    target, link = tmp_path / "real" / "keyring.json", tmp_path / "keyring.json"
    link.symlink_to(target)
    save_keyring(link, KEYS)
    assert link.is_symlink()
    assert load_keyring(target).keys == tuple(KEYS)


def test_a_file_that_cannot_be_replaced_stays_and_nothing_is_left_behind(tmp_path: Path) -> None:
    path = tmp_path / "keyring.json"
    path.mkdir()  # what no file replaces
    with pytest.raises(KeyringError, match="cannot be written: Is a directory"):
        save_keyring(path, KEYS)
    assert [entry.name for entry in tmp_path.iterdir()] == ["keyring.json"]


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(KeyringError, match="cannot be written: No such file"):
        save_keyring(tmp_path / "missing" / "keyring.json", KEYS)
    with pytest.raises(KeyringError, match="cannot be read: No such file"):
        load_keyring(tmp_path / "missing.json")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"\xff\xfe", "is not JSON"),
        (b"[1]", "key 1 of the keyring file is not a text"),
        (b" " * 70000, "exceeds 65536 bytes"),
    ],
)
def test_a_file_of_something_else_is_told_by_its_path(
    tmp_path: Path, content: bytes, reason: str
) -> None:
    path = tmp_path / "keyring.json"
    path.write_bytes(content)
    with pytest.raises(KeyringError, match=reason) as raised:
        load_keyring(path)
    assert str(path) in str(raised.value)


def test_a_file_that_an_agent_wrote_is_loaded(tmp_path: Path) -> None:
    path = tmp_path / "keyring.json"
    path.write_text(f'[\n  "{encode_key(KEYS[0])}",\n  "{encode_key(KEYS[1])}"\n]')
    assert load_keyring(path).keys == tuple(KEYS)
