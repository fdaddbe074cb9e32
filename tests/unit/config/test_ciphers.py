import pytest

from colobus.config.ciphers import CIPHER_SUITES, ciphers_of


def test_each_suite_begins_with_the_stricter_one() -> None:
    assert CIPHER_SUITES == ("modern", "intermediate", "old", "custom")
    assert ciphers_of("intermediate", None).startswith(ciphers_of("modern", None) + ":")
    assert ciphers_of("old", None).startswith(ciphers_of("intermediate", None) + ":")


@pytest.mark.parametrize(
    ("suite", "ciphers"), [("custom", "A:B"), ("modern", ciphers_of("modern", None))]
)
def test_own_ciphers_count_only_for_custom(suite: str, ciphers: str) -> None:
    assert ciphers_of(suite, "A:B") == ciphers


def test_custom_without_ciphers_is_modern() -> None:
    assert ciphers_of("custom", None) == ciphers_of("modern", None)
