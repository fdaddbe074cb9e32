"""Finding, ordering and describing plugins."""

import sys
import tomllib
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from colobus.errors import PluginError
from colobus.model import CORE_KINDS
from colobus.model.kind import Kind
from colobus.model.schema import Schema, describe
from colobus.plugins.base import Plugin
from colobus.plugins.context import Capabilities
from colobus.plugins.key_auth import KEYAUTH_CREDENTIALS, KeyAuth
from colobus.plugins.registry import BUNDLED, ENTRY_POINT_GROUP, Registry, load
from colobus.testing.capabilities import MemoryWorker

PROJECT = Path(__file__).parents[3] / "pyproject.toml"


class Empty(Schema):
    """No settings."""


class Custom(Plugin):
    name = "my-custom"
    priority = 1000
    Config = Empty


class Unfinished(Plugin):
    name = "unfinished"


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Puts a module of plugins where its name is looked for."""

    def put(name: str, **content: Any) -> None:
        made = ModuleType(name)
        vars(made).update(content)
        monkeypatch.setitem(sys.modules, name, made)

    return put


def test_bundled_plugins_come_in_the_order_they_run_in() -> None:
    assert list(load()) == [
        "bot-detection",
        "cors",
        "basic-auth",
        "jwt",
        "key-auth",
        "oauth2",
        "hmac-auth",
        "ip-restriction",
        "acl",
        "request-size-limiting",
        "rate-limiting",
        "response-ratelimiting",
        "request-transformer",
        "response-transformer",
        "file-log",
        "request-termination",
        "correlation-id",
    ]


def test_every_bundled_plugin_has_the_name_it_is_listed_under() -> None:
    assert {name: plugin.name for name, plugin in load().items()} == {
        name: name for name in BUNDLED
    }


def test_the_package_offers_what_is_bundled() -> None:
    project = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]
    assert project["entry-points"][ENTRY_POINT_GROUP] == dict(BUNDLED)


def test_a_custom_plugin_is_found_as_a_module(module: Callable[..., None]) -> None:
    module("colobus.plugins.my_custom", Plugin=Plugin, KeyAuth=KeyAuth, Custom=Custom)
    registry = load(["my-custom"])
    assert registry["my-custom"] is Custom
    # Among equal priorities the name decides.
    names = list(registry)
    assert names.index("key-auth") < names.index("my-custom") < names.index("oauth2")
    assert names[names.index("key-auth") + 1] == "my-custom"


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """Installs a distribution that offers one plugin."""
    monkeypatch.syspath_prepend(tmp_path)

    def install(distribution: str, line: str) -> None:
        info = tmp_path / f"{distribution}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n", encoding="utf-8"
        )
        (info / "entry_points.txt").write_text(f"[{ENTRY_POINT_GROUP}]\n{line}\n", encoding="utf-8")

    return install


def test_a_custom_plugin_is_found_in_an_installed_package(
    install: Callable[[str, str], None], module: Callable[..., None]
) -> None:
    module("somebodys_package", Theirs=Custom)
    install("somebodys-package", "my-custom = somebodys_package:Theirs")
    assert load(["my-custom"])["my-custom"] is Custom
    assert "my-custom" not in load()


def test_no_package_takes_the_place_of_a_bundled_plugin(
    install: Callable[[str, str], None], module: Callable[..., None]
) -> None:
    module("somebodys_package", Theirs=Custom)
    install("somebodys-package", "key-auth = somebodys_package:Theirs")
    assert load(["key-auth"])["key-auth"] is KeyAuth


def test_a_plugin_that_two_packages_offer_is_refused(
    install: Callable[[str, str], None],
) -> None:
    install("one", "my-custom = one:Plugin")
    install("two", "my-custom = two:Plugin")
    with pytest.raises(PluginError, match="offered more than once: one:Plugin, two:Plugin"):
        load(["my-custom"])


def test_a_name_without_a_plugin_is_refused() -> None:
    with pytest.raises(PluginError) as failure:
        load(["no-such"])
    assert str(failure.value) == (
        "no-such plugin is enabled but not installed;\nNo module named 'colobus.plugins.no_such'"
    )


def test_a_module_without_a_plugin_of_the_name_is_refused(module: Callable[..., None]) -> None:
    module("colobus.plugins.my_custom", Other=KeyAuth)
    with pytest.raises(PluginError, match="my-custom plugin is enabled but not installed;"):
        load(["my-custom"])


def test_a_plugin_without_a_configuration_schema_is_refused(module: Callable[..., None]) -> None:
    module("colobus.plugins.unfinished", Unfinished=Unfinished)
    with pytest.raises(
        PluginError, match=r"^no configuration schema found for plugin: unfinished$"
    ):
        load(["unfinished"])


def test_a_row_that_names_a_plugin_without_place_stops_the_start() -> None:
    load().check_in_use(["key-auth", "rate-limiting"])
    with pytest.raises(PluginError, match=r"^a-plugin plugin is in use but not enabled$"):
        load().check_in_use(["key-auth", "syslog", "a-plugin"])


def test_the_catalog_has_the_kinds_of_the_gateway_and_of_plugins() -> None:
    catalog = Registry([Custom, KeyAuth]).catalog()
    assert list(catalog.values()) == [*CORE_KINDS, KEYAUTH_CREDENTIALS]
    owned = [kind for plugin in load().values() for kind in plugin.kinds]
    assert set(load().catalog().values()) == {*CORE_KINDS, *owned}


def test_two_plugins_cannot_own_entities_of_one_name() -> None:
    class Thief(Custom):
        kinds = (Kind(name="keyauth_credentials", model=Empty),)

    with pytest.raises(PluginError, match="declared twice"):
        Registry([KeyAuth, Thief]).catalog()


def test_whoever_has_entities_has_the_migrations_of_their_tables() -> None:
    registry = load()
    with_kinds = [plugin for plugin in registry.values() if plugin.kinds]
    assert "colobus.plugins.key_auth.migrations" in registry.migrations()
    assert len(with_kinds) == len(registry.migrations())
    assert all(find_spec(package) is not None for package in registry.migrations())


def test_schemas_are_those_of_the_plugins() -> None:
    schemas = load().schemas()
    assert set(schemas) == set(BUNDLED)
    assert schemas["key-auth"].config is KeyAuth.Config
    assert schemas["key-auth"].no_consumer
    assert not schemas["rate-limiting"].no_consumer


def test_instances_have_their_own_capabilities_and_are_started() -> None:
    asked: list[str] = []

    class Starting(Custom):
        starts = 0

        def init_worker(self) -> None:
            self.starts += 1

    worker = MemoryWorker()

    def capabilities_for(name: str) -> Capabilities:
        asked.append(name)
        return worker.capabilities

    key_auth, starting = Registry([Starting, KeyAuth]).instantiate(capabilities_for)
    assert asked == ["key-auth", "my-custom"]
    assert isinstance(key_auth, KeyAuth)
    assert isinstance(starting, Starting)
    assert starting.starts == 1
    assert starting.capabilities is worker.capabilities


# What GET /plugins/schema/{name} is made of; the members are exact.
ANONYMOUS = {"type": "string", "default": "", "func": "function"}
PLAIN: dict[str, Any] = {"type": "array", "default": []}
CHECKED: dict[str, Any] = {**PLAIN, "func": "function"}


def table(**fields: Any) -> dict[str, Any]:
    return {"type": "table", "schema": {"fields": fields}}


SHOWN: dict[str, dict[str, Any]] = {
    "acl": {
        "no_consumer": True,
        "self_check": "function",
        "fields": {"whitelist": {"type": "array"}, "blacklist": {"type": "array"}},
    },
    "basic-auth": {
        "no_consumer": True,
        "fields": {
            "anonymous": ANONYMOUS,
            "hide_credentials": {"type": "boolean", "default": False},
        },
    },
    "hmac-auth": {
        "no_consumer": True,
        "fields": {
            "hide_credentials": {"type": "boolean", "default": False},
            "clock_skew": {"type": "number", "default": 300, "func": "function"},
            "anonymous": ANONYMOUS,
        },
    },
    "jwt": {
        "no_consumer": True,
        "fields": {
            "uri_param_names": {"type": "array", "default": ["jwt"]},
            "key_claim_name": {"type": "string", "default": "iss"},
            "secret_is_base64": {"type": "boolean", "default": False},
            "claims_to_verify": {"type": "array", "enum": ["exp", "nbf"]},
            "anonymous": ANONYMOUS,
        },
    },
    "response-ratelimiting": {
        "self_check": "function",
        "fields": {
            "header_name": {"type": "string", "default": "x-kong-limit"},
            "limit_by": {
                "type": "string",
                "default": "consumer",
                "enum": ["consumer", "credential", "ip"],
            },
            "policy": {
                "type": "string",
                "default": "cluster",
                "enum": ["local", "cluster", "redis"],
            },
            "fault_tolerant": {"type": "boolean", "default": True},
            "redis_host": {"type": "string"},
            "redis_port": {"type": "number", "default": 6379},
            "redis_password": {"type": "string"},
            "redis_timeout": {"type": "number", "default": 2000},
            "redis_database": {"type": "number", "default": 0},
            "block_on_first_violation": {"type": "boolean", "default": False},
            "limits": {
                "type": "table",
                "schema": {
                    "flexible": True,
                    "fields": {
                        period: {"type": "number"}
                        for period in ("second", "minute", "hour", "day", "month", "year")
                    },
                },
            },
        },
    },
    "bot-detection": {
        "no_consumer": True,
        "fields": {
            "whitelist": {"type": "array", "func": "function"},
            "blacklist": {"type": "array", "func": "function"},
        },
    },
    "request-transformer": {
        "fields": {
            "http_method": {"type": "string", "func": "function"},
            "remove": table(body=PLAIN, headers=PLAIN, querystring=PLAIN),
            "rename": table(body=PLAIN, headers=PLAIN, querystring=PLAIN),
            "replace": table(body=CHECKED, headers=CHECKED, querystring=CHECKED),
            "add": table(body=CHECKED, headers=CHECKED, querystring=CHECKED),
            "append": table(body=CHECKED, headers=CHECKED, querystring=CHECKED),
        },
    },
    "response-transformer": {
        "fields": {
            "remove": table(json=PLAIN, headers=PLAIN),
            "replace": table(json=CHECKED, headers=CHECKED),
            "add": table(json=CHECKED, headers=CHECKED),
            "append": table(json=CHECKED, headers=CHECKED),
        },
    },
    "cors": {
        "no_consumer": True,
        "fields": {
            "origins": {"type": "array", "func": "function"},
            "headers": {"type": "array"},
            "exposed_headers": {"type": "array"},
            "methods": {
                "type": "array",
                "enum": ["HEAD", "GET", "POST", "PUT", "PATCH", "DELETE"],
            },
            "max_age": {"type": "number"},
            "credentials": {"type": "boolean", "default": False},
            "preflight_continue": {"type": "boolean", "default": False},
        },
    },
    "ip-restriction": {
        "self_check": "function",
        "fields": {
            "whitelist": {"type": "array", "func": "function"},
            "blacklist": {"type": "array", "func": "function"},
        },
    },
    "request-size-limiting": {
        "fields": {"allowed_payload_size": {"type": "number", "default": 128}},
    },
    "request-termination": {
        "self_check": "function",
        "fields": {
            "status_code": {"type": "number", "default": 503},
            "message": {"type": "string"},
            "content_type": {"type": "string"},
            "body": {"type": "string"},
        },
    },
    "key-auth": {
        "no_consumer": True,
        "fields": {
            "key_names": {
                "type": "array",
                "required": True,
                "default": "function",
                "func": "function",
            },
            "hide_credentials": {"type": "boolean", "default": False},
            "anonymous": {"type": "string", "default": "", "func": "function"},
            "key_in_body": {"type": "boolean", "default": False},
        },
    },
    "oauth2": {
        "no_consumer": True,
        "self_check": "function",
        "fields": {
            "scopes": {"type": "array", "required": False},
            "mandatory_scope": {
                "type": "boolean",
                "default": False,
                "required": True,
                "func": "function",
            },
            "provision_key": {
                "type": "string",
                "default": "function",
                "required": False,
                "unique": True,
            },
            "token_expiration": {"type": "number", "default": 7200, "required": True},
            **{
                f"enable_{flow}": {"type": "boolean", "default": False, "required": True}
                for flow in (
                    "authorization_code",
                    "implicit_grant",
                    "client_credentials",
                    "password_grant",
                )
            },
            "hide_credentials": {"type": "boolean", "default": False},
            "accept_http_if_already_terminated": {
                "type": "boolean",
                "default": False,
                "required": False,
            },
            "anonymous": ANONYMOUS,
            "global_credentials": {"type": "boolean", "default": False},
        },
    },
    "rate-limiting": {
        "self_check": "function",
        "fields": {
            "second": {"type": "number"},
            "minute": {"type": "number"},
            "hour": {"type": "number"},
            "day": {"type": "number"},
            "month": {"type": "number"},
            "year": {"type": "number"},
            "limit_by": {
                "type": "string",
                "default": "consumer",
                "enum": ["consumer", "credential", "ip"],
            },
            "policy": {
                "type": "string",
                "default": "cluster",
                "enum": ["local", "cluster", "redis"],
            },
            "fault_tolerant": {"type": "boolean", "default": True},
            "redis_host": {"type": "string"},
            "redis_port": {"type": "number", "default": 6379},
            "redis_password": {"type": "string"},
            "redis_timeout": {"type": "number", "default": 2000},
            "redis_database": {"type": "number", "default": 0},
        },
    },
    "file-log": {
        "fields": {
            "path": {"type": "string", "required": True, "func": "function"},
            "reopen": {"type": "boolean", "default": False},
        }
    },
    "correlation-id": {
        "fields": {
            "header_name": {"type": "string", "default": "Kong-Request-ID"},
            "generator": {
                "type": "string",
                "default": "uuid#counter",
                "enum": ["uuid", "uuid#counter", "tracker"],
            },
            "echo_downstream": {"type": "boolean", "default": False},
        },
    },
}


@pytest.mark.parametrize("name", sorted(BUNDLED))
def test_a_plugins_schema_is_shown_member_by_member(name: str) -> None:
    schema = load().schemas()[name]
    no_consumer = {"no_consumer": True} if schema.no_consumer else {}
    assert {**describe(schema.config), **no_consumer} == SHOWN[name]
