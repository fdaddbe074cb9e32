import re
from pathlib import Path
from typing import Any

import pytest

from colobus.config import kinds
from colobus.config.addresses import Address
from colobus.config.kinds import Kind

WORD = kinds.one_of("a", "b")
PERCENT = kinds.number_between(0, 100)


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (kinds.BOOLEAN, "on", True),
        (kinds.BOOLEAN, "true", True),
        (kinds.BOOLEAN, "Yes", True),
        (kinds.BOOLEAN, "off", False),
        (kinds.BOOLEAN, "false", False),
        (kinds.BOOLEAN, "no", False),
        (kinds.ON_OFF, "on", True),
        (kinds.STRING, "8000", "8000"),
        (kinds.NUMBER, "-60", -60),
        (PERCENT, "100", 100),
        (WORD, "b", "b"),
        (kinds.ARRAY, "a, b ,,c", ("a", "b", "c")),
        (kinds.SIZE, "128m", 134_217_728),
        (kinds.SIZE, "512K", 524_288),
        (kinds.SIZE, "1g", 1_073_741_824),
        (kinds.SIZE, "65537", 65_537),
        (kinds.PREFIX_PATH, "logs/x", Path("logs/x")),
        (kinds.PATH, "/etc/hosts", Path("/etc/hosts")),
        (kinds.LOG_PATH, "off", None),
        (kinds.LOG_PATH, "/dev/stdout", Path("/dev/stdout")),
        (kinds.WORKERS, "auto", None),
        (kinds.WORKERS, "4", 4),
        (kinds.ADDRESS, "[::1]:80", Address("::1", 80)),
        (kinds.NAMESERVERS, "8.8.8.8,1.1.1.1:54", (("8.8.8.8", 53), ("1.1.1.1", 54))),
        (kinds.NETWORKS, "10.0.0.0/8, ::1", ("10.0.0.0/8", "::1/128")),
        (kinds.ORIGINS, "https://a.example,*", ("https://a.example", "*")),
        (kinds.ENCRYPT_KEY, "AAAAAAAAAAAAAAAAAAAAAA==", "AAAAAAAAAAAAAAAAAAAAAA=="),
    ],
)
def test_a_text_is_read_and_written_back(kind: Kind[Any], text: str, value: object) -> None:
    read = kind.read("x", text)
    assert read == value
    assert kind.read("x", kind.text(read)) == value


@pytest.mark.parametrize(
    ("kind", "text", "complaint"),
    [
        (kinds.BOOLEAN, "maybe", "x is not a boolean: 'maybe'"),
        (kinds.BOOLEAN, "1", "x is not a boolean: '1'"),
        (kinds.ON_OFF, "0", "x is not on or off: '0'"),
        (kinds.NUMBER, "5s", "x is not a number: '5s'"),
        (kinds.NUMBER, "\uff11", "x is not a number: '\uff11'"),
        (kinds.NUMBER, "1.5", "x has an invalid value: '1.5' (a whole number)"),
        (PERCENT, "101", "x has an invalid value: '101' (0 to 100)"),
        (WORD, "c", "x has an invalid value: 'c' (a, b)"),
        (kinds.SIZE, "128mb", "x must be a size such as 512k or 128m, got '128mb'"),
        (kinds.SIZE, "128", "x must be at least 32k, got '128'"),
        (kinds.LOG_PATH, "syslog:server=x", "x must be a path or off, got 'syslog:server=x'"),
        (kinds.WORKERS, "0", "x has an invalid value: '0' (auto, 1 to 1024)"),
        (kinds.WORKERS, "many", "x has an invalid value: 'many' (auto, 1 to 1024)"),
        (kinds.ADDRESS, "8000", "x must be of form 'address:port'"),
        (kinds.IPV4_ADDRESS, "h:1", "x must be in the form of IPv4:port"),
        (
            kinds.NAMESERVERS,
            "8.8.8.8,ns1",
            "x must be a comma separated list in the form of IPv4 or IPv4:port, got 'ns1'",
        ),
        (
            kinds.NETWORKS,
            "10.0.0.0/8,lb",
            "x must be a comma separated list of IP addresses or CIDR blocks, got 'lb'",
        ),
        (kinds.PATH, "~no-such-user/x", "x is not a path: '~no-such-user/x'"),
        (kinds.STRING, "a\nb", "x has an invalid value: it holds a line break or tab"),
    ],
)
def test_a_wrong_text_is_told_with_the_name_and_the_wrong_part(
    kind: Kind[Any], text: str, complaint: str
) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(complaint)}$"):
        kind.read("x", text)


@pytest.mark.parametrize("kind", [kinds.ENCRYPT_KEY, kinds.NUMBER])
def test_a_wrong_secret_is_not_told(kind: Kind[Any]) -> None:
    with pytest.raises(ValueError, match="x ") as caught:
        kind.read("x", "hunter2", secret=True)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("text", ["c2hvcnQ=", "not base64!", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"])
def test_an_encryption_key_is_sixteen_bytes(text: str) -> None:
    with pytest.raises(ValueError, match="must be 16 bytes written in base64"):
        kinds.ENCRYPT_KEY.read("x", text)


def test_a_relative_path_starts_at_the_working_directory() -> None:
    assert kinds.PATH.read("x", "cert.pem") == Path.cwd() / "cert.pem"
    assert kinds.PATH.read("x", "~/cert.pem") == Path.home() / "cert.pem"
