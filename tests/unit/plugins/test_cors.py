"""cors: its configuration, and what it remembers."""

from typing import Any

import pytest

from colobus.errors import SchemaError
from colobus.model.schema import validate
from colobus.plugins.cors import CorsConfig
from colobus.plugins.cors.config import VERDICTS_KEPT


@pytest.mark.parametrize(
    ("config", "field", "message"),
    [
        ({"origins": ["["]}, "origins", "origin '[' is not a valid regex"),
        ({"origins": ["a.test", "*"]}, "origins", "origin '*' is not a valid regex"),
        ({"origins": "*,a.test"}, "origins", "origin '*' is not a valid regex"),
        (
            {"methods": ["GET", "TRACE"]},
            "methods",
            (
                '"TRACE" is not allowed. Allowed values are:'
                ' "HEAD", "GET", "POST", "PUT", "PATCH", "DELETE"'
            ),
        ),
        ({"max_age": "soon"}, "max_age", "max_age is not a number"),
        ({"credentials": "yes"}, "credentials", "credentials is not a boolean"),
        ({"origin": "a.test"}, "origin", "origin is an unknown field"),
    ],
)
def test_what_is_wrong_is_named(config: dict[str, Any], field: str, message: str) -> None:
    with pytest.raises(SchemaError) as failure:
        validate(CorsConfig, config)
    assert failure.value.fields == {field: message}


def test_the_configuration_has_these_defaults() -> None:
    config = validate(CorsConfig, {})
    assert config.allowed.is_any
    assert config.model_dump(exclude_none=True) == {
        "credentials": False,
        "preflight_continue": False,
    }


def test_verdicts_are_remembered_within_a_bound() -> None:
    allowed = validate(CorsConfig, {"origins": ["a.test$", "b.test$"]}).allowed
    for number in range(VERDICTS_KEPT + 10):
        assert allowed.allow(f"http://{number}.a.test")
        assert not allowed.allow(f"http://{number}.c.test")
    assert len(allowed._verdicts) <= VERDICTS_KEPT
    assert allowed.allow("x" * 5000 + "b.test")
    assert all(len(origin) < 5000 for origin in allowed._verdicts)


def test_an_origin_that_takes_too_long_is_not_let_in() -> None:
    allowed = validate(CorsConfig, {"origins": ["(?:a|aa)+$"]}).allowed
    assert not allowed.allow("a" * 100 + "b")
