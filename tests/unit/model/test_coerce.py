"""What a filter's value becomes, and numbers that no integer column or message can hold."""

import pytest

from colobus.errors import SchemaError
from colobus.model import APIS, CONSUMERS, PLUGINS, Kind
from colobus.model.schema import Number, Schema, coerce, validate

UUID = "9A77AAAA-aaaa-4aaa-8aaa-aaaaaaaaaaaa"


@pytest.mark.parametrize(
    ("kind", "field", "given", "value"),
    [
        (APIS, "retries", " 5 ", 5),
        (APIS, "retries", "99999", 99999),  # its own check does not run: it just matches nothing
        (APIS, "name", " a b ", "a b"),
        (APIS, "https_only", "TRUE", True),
        (APIS, "hosts", "a, b", ["a", "b"]),
        (APIS, "hosts", {"1": "a", "2": "b"}, ["a", "b"]),
        (APIS, "created_at", "1490000000000", 1490000000000),
        (APIS, "upstream_url", "http://x", "http://x"),
        (CONSUMERS, "id", UUID, UUID.lower()),
        (PLUGINS, "api_id", UUID, UUID.lower()),
        (PLUGINS, "config", {"a": 1}, {"a": 1}),
    ],
)
def test_a_value_takes_the_type_of_its_field(
    kind: Kind, field: str, given: object, value: object
) -> None:
    assert coerce(kind.model, field, given) == value


@pytest.mark.parametrize(
    ("kind", "field", "given", "problem"),
    [
        (APIS, "retries", "many", "retries is not a number"),
        (APIS, "https_only", "maybe", "https_only is not a boolean"),
        (APIS, "hosts", 5, "hosts is not an array"),
        (APIS, "name", None, "name is not a string"),
        (CONSUMERS, "id", "xyz", "xyz is not a valid uuid"),
        (PLUGINS, "api_id", "", " is not a valid uuid"),
    ],
)
def test_a_value_of_another_type_is_an_error(
    kind: Kind, field: str, given: object, problem: str
) -> None:
    with pytest.raises(SchemaError) as caught:
        coerce(kind.model, field, given)
    assert caught.value.fields == {field: problem}


class Amount(Schema):
    n: Number


@pytest.mark.parametrize(
    ("given", "value", "kind"),
    [
        (2**63 - 1, 2**63 - 1, int),
        (10**30, 1e30, float),
        (1e30, 1e30, float),
        ("1e30", 1e30, float),
        (-(10**30), -1e30, float),
        ("5.0", 5, int),
    ],
)
def test_a_number_beyond_64_bits_is_a_float(given: object, value: float, kind: type) -> None:
    found = validate(Amount, {"n": given}).n
    assert (found, type(found)) == (value, kind)


@pytest.mark.parametrize("given", [10**400, float("nan"), float("inf"), "1e999"])
def test_a_number_beyond_a_double_is_none(given: object) -> None:
    with pytest.raises(SchemaError) as caught:
        validate(Amount, {"n": given})
    assert caught.value.fields == {"n": "n is not a number"}
