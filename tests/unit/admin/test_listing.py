"""Page sizes, filters and the URL of the next page (reference: admin-api §1.3)."""

from typing import Any

import pytest

from colobus.admin.call import Call
from colobus.admin.listing import MAX_SIZE, filters, listing, page_size
from colobus.errors import SchemaError
from colobus.model import APIS, CONSUMERS, PLUGINS, Kind
from colobus.store.interface import Page

UUID = "9a77aaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa"


@pytest.mark.parametrize(
    ("given", "size"),
    [
        (None, 100), ("", 100), ("many", 100), ("0x10", 100), ("1_0", 100), ("nan", 100),
        ("1e5", 100), (True, 100), ([], 100),
        ("1", 1), (" 7 ", 7), ("+5", 5), (7, 7), ("3.0", 3), (3.0, 3), ("100000", 100_000),
        ("9" * 200, MAX_SIZE),
    ],
)  # fmt: skip
def test_sizes(given: object, size: int) -> None:
    assert page_size(given) == size


@pytest.mark.parametrize("given", ["0", "-1", -1, 0, "1.5", "-99999999999"])
def test_sizes_that_no_page_can_have(given: object) -> None:
    with pytest.raises(SchemaError) as caught:
        page_size(given)
    assert caught.value.fields == {"size": "size must be a positive integer"}


@pytest.mark.parametrize(
    ("kind", "given", "where"),
    [
        (APIS, {}, {}),
        (APIS, {"retries": "5", "https_only": "false"}, {"retries": 5, "https_only": False}),
        (APIS, {"hosts": "a.com"}, {"hosts": ["a.com"]}),
        (CONSUMERS, {"username": "bob", "id": UUID.upper()}, {"username": "bob", "id": UUID}),
        (PLUGINS, {"api_id": UUID, "name": "key-auth"}, {"api_id": UUID, "name": "key-auth"}),
        (APIS, {"name": "a b"}, {"name": "a b"}),
    ],
)
def test_filters_have_the_types_of_their_fields(
    kind: Kind, given: dict[str, Any], where: dict[str, Any]
) -> None:
    assert filters(kind, given) == where


def test_every_filter_that_cannot_be_is_named() -> None:
    with pytest.raises(SchemaError) as caught:
        filters(PLUGINS, {"foo": "1", "api_id": "xyz", "enabled": "?", "name": "x"})
    assert caught.value.fields == {
        "foo": "unknown field",
        "api_id": "xyz is not a valid uuid",
        "enabled": "enabled is not a boolean",
    }


CALL = Call({}, {}, "http://h:8001", "/apis/", "name=a%20b&size=2&&enabled&offset=old")


def test_the_next_page_keeps_filters_as_they_were_sent() -> None:
    answer = listing(CALL, Page([{"id": UUID}], 3, "dG9rZW4"), 2)
    assert (
        answer.body
        == (
            b'{"data":[{"id":"%s"}],"total":3,"offset":"dG9rZW4",'
            b'"next":"http://h:8001/apis/?offset=dG9rZW4&size=2&name=a%%20b&enabled"}\n'
        )
        % UUID.encode()
    )


def test_the_last_page_names_no_next_one() -> None:
    assert listing(CALL, Page([], 0, None), 2).body == b'{"data":[],"total":0}\n'
