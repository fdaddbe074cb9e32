"""The rules of APIs, consumers and plugin rows (admin-api §1.10), and what kinds derive."""

from typing import Any

import pytest

from colobus.errors import PluginError, SchemaError
from colobus.model import APIS, CONSUMERS, CORE_KINDS, PLUGINS, Catalog, Kind, PluginSchema, Schema
from colobus.model.kind import Collection, Entity, Operation, ValidationContext
from colobus.model.schema import Number, String, validate

API = {"name": "a", "upstream_url": "http://example.com", "uris": "/a"}
UUID = "9a77aaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa"


def outcome(kind: Kind, data: dict[str, Any], operation: Operation = "insert") -> dict[str, Any]:
    """Return the row, or the errors."""
    context = ValidationContext(
        operation, {"limits": PluginSchema(Limits), "auth": PluginSchema(Auth, no_consumer=True)}
    )
    try:
        return validate(kind.model, data, context).model_dump(exclude_none=True)
    except SchemaError as exc:
        return exc.fields


class Limits(Schema):
    second: Number | None = None
    host: String = "h"


class Auth(Schema):
    pass


def test_an_api_gets_its_defaults() -> None:
    assert outcome(APIS, API) == {
        "name": "a", "upstream_url": "http://example.com", "uris": ["/a"], "strip_uri": True,
        "https_only": False, "http_if_terminated": True, "preserve_host": False, "retries": 5,
        "upstream_connect_timeout": 60000, "upstream_send_timeout": 60000,
        "upstream_read_timeout": 60000,
    }  # fmt: skip


def test_an_api_needs_a_matcher_to_be_inserted_and_may_lose_it_later() -> None:
    bare = {"name": "a", "upstream_url": "http://example.com", "hosts": ""}
    assert outcome(APIS, bare) == {
        "message": "at least one of 'hosts', 'uris' or 'methods' must be specified"
    }
    assert outcome(APIS, bare, "update")["hosts"] == []
    assert outcome(APIS, {}) == {
        "name": "name is required",
        "upstream_url": "upstream_url is required",
    }


@pytest.mark.parametrize(
    "host",
    [
        "a",
        "a.b.c",
        "xn--bcher-kva.example",
        "-a.b",
        "a_b",
        "1.2.3.4",
        "*.a.b",
        "a.b.*",
        "Example.COM",
    ],
)
def test_hosts_that_are_taken(host: str) -> None:
    assert outcome(APIS, {**API, "hosts": [host]})["hosts"] == [host]


@pytest.mark.parametrize(
    ("host", "reason"),
    [
        (5, "must be a string"),
        ("", "host is empty"),
        ("a:80", "Invalid hostname"),
        (".a", "Invalid hostname"),
        ("a.", "Invalid hostname"),
        ("a..b", "Invalid hostname"),
        ("a-.b", "Invalid hostname"),
        ("a b", "Invalid hostname"),
        ("*.a.*", "Only one wildcard is allowed"),
        ("a.*.b", "Invalid wildcard placement"),
        ("*a.b", "Invalid wildcard placement"),
        ("a.b*", "Invalid wildcard placement"),
    ],
)  # fmt: skip
def test_hosts_that_are_not(host: object, reason: str) -> None:
    assert outcome(APIS, {**API, "hosts": ["ok.example", host]}) == {
        "hosts": f"host with value '{host}' is invalid: {reason}"
    }


@pytest.mark.parametrize(
    ("uri", "kept"),
    [("/", "/"), ("/a/", "/a"), ("/a/b", "/a/b"), ("/a/../b", "/a/../b"), ("/%41~-._", "/%41~-._")],
)
def test_uris_that_are_taken(uri: str, kept: str) -> None:
    assert outcome(APIS, {**API, "uris": [uri]})["uris"] == [kept]


@pytest.mark.parametrize(
    ("uri", "reason"),
    [
        (5, "must be a string"),
        ("", "uri is empty"),
        ("a", "must be prefixed with slash"),
        ("/a//b", "invalid"),
        ("/a b", "must only contain alphanumeric and '., -, _, ~, /, %' characters"),
        ("/a?b", "must only contain alphanumeric and '., -, _, ~, /, %' characters"),
        ("/a(b)*", "must only contain alphanumeric and '., -, _, ~, /, %' characters"),
        ("/a%2", "must use proper encoding; '%2' is invalid"),
        ("/a%zz/b", "must use proper encoding; '%zz' is invalid"),
    ],
)
def test_uris_that_are_not(uri: object, reason: str) -> None:
    assert outcome(APIS, {**API, "uris": [uri]}) == {
        "uris": f"uri with value '{uri}' is invalid: {reason}"
    }


@pytest.mark.parametrize(
    ("fields", "errors"),
    [
        ({"name": "a b"}, {"name": "name must only contain alphanumeric and '., -, _, ~' characters"}),
        ({"methods": "get"}, {"methods": "method with value 'get' is invalid: invalid value"}),
        ({"methods": [""]}, {"methods": "method with value '' is invalid: method is empty"}),
        ({"upstream_url": "ftp://example.com"}, {"upstream_url": "Supported protocols are HTTP and HTTPS"}),
        ({"retries": "-1"}, {"retries": "must be an integer between 0 and 32767"}),
        ({"retries": 1.5}, {"retries": "must be an integer between 0 and 32767"}),
        ({"upstream_read_timeout": 0}, {"upstream_read_timeout": "must be an integer between 1 and 2147483647"}),
    ],
)  # fmt: skip
def test_other_rules_of_an_api(fields: dict[str, Any], errors: dict[str, str]) -> None:
    assert outcome(APIS, {**API, **fields}) == errors


def test_the_scheme_of_an_upstream_url_may_be_spelt_in_any_case_and_is_kept() -> None:
    url = "HTTPS://Example.com:8443/Path/?q"
    assert outcome(APIS, {**API, "upstream_url": url})["upstream_url"] == url


def test_a_consumer_needs_one_of_two_names() -> None:
    text = "At least a 'custom_id' or a 'username' must be specified"
    assert outcome(CONSUMERS, {}) == {"custom_id": text, "username": text}
    assert outcome(CONSUMERS, {"username": " "}) == {"custom_id": text, "username": text}
    assert outcome(CONSUMERS, {"custom_id": "5"}) == {"custom_id": "5"}


@pytest.mark.parametrize(
    ("row", "result"),
    [
        ({}, {"name": "name is required"}),
        ({"config": {"second": "x"}}, {"name": "name is required"}),
        ({"name": "foo"}, {"config": 'Plugin "foo" not found'}),
        ({"name": "limits"}, {"name": "limits", "config": {"host": "h"}, "enabled": True}),
        ({"name": "limits", "config": {"second": "x", "a": 1}, "enabled": "?"},
         {"config.second": "second is not a number", "config.a": "a is an unknown field",
          "enabled": "enabled is not a boolean"}),
        ({"name": "limits", "config": 5}, {"config": "config is not a table"}),
        ({"name": "auth", "consumer_id": UUID},
         {"message": "No consumer can be configured for that plugin"}),
    ],
)  # fmt: skip
def test_a_plugin_row_is_checked_by_the_schema_of_its_plugin(
    row: dict[str, Any], result: dict[str, Any]
) -> None:
    assert outcome(PLUGINS, row) == result


class Secret(Entity):
    consumer_id: String
    key: String


SECRETS = Kind(
    name="secrets", model=Secret, parents={"consumer_id": "consumers"}, lookups=("key",),
    secrets=("key",), collections=(Collection("/consumers/{consumer_id}/secrets"),),
)  # fmt: skip


def test_a_kind_names_index_values_and_hides_secrets() -> None:
    salt = b"0123456789abcdef"
    row = {"id": "1", "consumer_id": "c", "key": "opensesame", "created_at": 5}
    index = SECRETS.index_values(row, salt)
    assert list(index) == ["id", "key", "consumer_id"]
    assert index["id"] == "1"
    assert index["key"] == SECRETS.token("key", "opensesame", salt) != "opensesame"
    assert index["key"] != SECRETS.token("key", "opensesame", b"another salt")
    assert SECRETS.without_secrets(row, salt) == {**row, "key": index["key"]}


def test_a_collection_knows_its_parent() -> None:
    assert SECRETS.collections[0].parent_field == "consumer_id"
    assert Collection("/apis").parent_field is None


def test_a_catalog_knows_children_and_refuses_what_does_not_fit() -> None:
    catalog = Catalog((*CORE_KINDS, SECRETS))
    assert [(kind.name, field) for kind, field in catalog.children(CONSUMERS)] == [
        ("plugins", "consumer_id"),
        ("secrets", "consumer_id"),
    ]
    assert [kind.name for kind in catalog.resident()] == ["apis", "plugins"]
    with pytest.raises(PluginError, match="twice"):
        Catalog((*CORE_KINDS, CONSUMERS))
    with pytest.raises(PluginError, match="unknown 'consumers'"):
        Catalog((SECRETS,))
