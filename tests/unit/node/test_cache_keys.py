"""Kong's cache keys name the questions that workers remember answers to."""

import pytest

from colobus.node.cache_keys import questions_of, shown
from colobus.plugins.jwt import JWT_SECRETS
from colobus.plugins.registry import load

CATALOG = load().catalog()


@pytest.mark.parametrize(
    ("key", "questions"),
    [
        (
            "jwtauth_credentials:k",
            [("jwt_secrets", name, "k") for name in ("id", "key", "consumer_id")],
        ),
        (
            "oauth2_token:a:b",
            [
                ("oauth2_tokens", name, "a:b")
                for name in ("id", "access_token", "refresh_token", "api_id", "credential_id")
            ],
        ),
        ("plugins:key-auth:x", []),
        ("apis:x", []),
        ("nodes:x", []),
        ("nothing:x", []),
        ("consumers", []),
        ("", []),
    ],
)
def test_a_key_names_its_questions(key: str, questions: list[tuple[str, str, str]]) -> None:
    assert questions_of(CATALOG, key) == questions


def test_the_keys_of_consumers_and_credentials_are_those_of_kong() -> None:
    assert ("consumers", "id", "c") in questions_of(CATALOG, "consumers:c")
    asked = questions_of(CATALOG, "keyauth_credentials:s")
    assert ("keyauth_credentials", "key", "s") in asked


def test_a_unique_field_shows_a_row_and_any_other_a_list() -> None:
    row = {"id": "1", "key": "k"}
    assert shown(JWT_SECRETS, "id", [row]) == row
    assert shown(JWT_SECRETS, "key", [row]) == row
    assert shown(JWT_SECRETS, "consumer_id", [row]) == [row]
