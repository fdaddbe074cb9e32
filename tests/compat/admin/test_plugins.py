"""Plugin rows (reference: admin-api §1.10 "Plugin", plugin-framework §5)."""

from typing import Any

import pytest

from support.admin import Admin, body_of

NO_ROW = "9a77aaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa"
KEY_AUTH_CONFIG = {
    "key_names": ["apikey"], "hide_credentials": False, "anonymous": "", "key_in_body": False,
}  # fmt: skip
LIMIT_CONFIG = {
    "limit_by": "consumer", "policy": "cluster", "fault_tolerant": True, "redis_port": 6379,
    "redis_timeout": 2000, "redis_database": 0,
}  # fmt: skip


@pytest.fixture
async def admin() -> Admin:
    admin = Admin()
    for name in ("shop", "other"):
        await admin.create("/apis", {"name": name, "uris": "/", "upstream_url": "http://x"})
    await admin.create("/consumers", {"username": "bob"})
    return admin


async def id_of(admin: Admin, url: str) -> str:
    found: str = (await admin.send("GET", url)).json()["id"]
    return found


async def test_a_plugin_answers_its_fields_and_every_default(admin: Admin) -> None:
    row = await admin.create("/plugins", {"name": "key-auth"})
    assert row == {
        "id": row["id"], "created_at": 1_500_000_000_000, "name": "key-auth",
        "config": KEY_AUTH_CONFIG, "enabled": True,
    }  # fmt: skip


@pytest.mark.parametrize(
    "arguments",
    [
        {"data": {"name": "rate-limiting", "config.minute": "5", "config.policy": "local"}},
        {"data": {"name": "rate-limiting", "config[minute]": "5", "config[policy]": "local"}},
        {"json": {"name": "rate-limiting", "config.minute": 5, "config.policy": "local"}},
        {"json": {"name": "rate-limiting", "config": {"minute": "5", "policy": " local "}}},
        {"files": {"name": (None, "rate-limiting"), "config.minute": (None, "5"),
                   "config.policy": (None, "local")}},
    ],
)  # fmt: skip
async def test_every_way_to_write_a_configuration(admin: Admin, arguments: dict[str, Any]) -> None:
    answer = await admin.send("POST", "/plugins", **arguments)
    assert answer.status_code == 201, answer.text
    assert answer.json()["config"] == {**LIMIT_CONFIG, "minute": 5, "policy": "local"}


@pytest.mark.parametrize(
    ("body", "status", "expected"),
    [
        ({}, 400, {"name": "name is required"}),
        ({"config": {"second": "x"}}, 400, {"name": "name is required"}),
        ({"name": "foo"}, 400, {"config": 'Plugin "foo" not found'}),
        ({"name": "foo", "enabled": "?"}, 400,
         {"config": 'Plugin "foo" not found', "enabled": "enabled is not a boolean"}),
        ({"name": "rate-limiting"}, 400,
         {"config": "You need to set at least one limit: second, minute, hour, day, month, year"}),
        ({"name": "rate-limiting", "config": {"second": "x", "foo": 1}, "bar": 2}, 400,
         {"config.second": "second is not a number", "config.foo": "foo is an unknown field",
          "bar": "bar is an unknown field"}),
        ({"name": "rate-limiting", "config": {"second": 1, "limit_by": "x"}}, 400,
         {"config.limit_by":
          '"x" is not allowed. Allowed values are: "consumer", "credential", "ip"'}),
        ({"name": "rate-limiting", "config": {"second": 2, "minute": 1}}, 400,
         {"config": "The limit for minute cannot be lower than the limit for second"}),
        ({"name": "rate-limiting", "config": 5}, 400, {"config": "config is not a table"}),
        ({"name": "key-auth", "config": {"anonymous": "nobody"}}, 400,
         {"config.anonymous": "the anonymous user must be empty or a valid uuid"}),
        ({"name": "key-auth", "consumer_id": NO_ROW}, 400,
         {"message": "No consumer can be configured for that plugin"}),
        ({"name": "correlation-id", "api_id": "xyz"}, 400, {"api_id": "xyz is not a valid uuid"}),
        ({"name": "correlation-id", "api_id": NO_ROW}, 404,
         {"api_id": f"does not exist with value '{NO_ROW}'"}),
        ({"name": "correlation-id", "consumer_id": NO_ROW}, 404,
         {"consumer_id": f"does not exist with value '{NO_ROW}'"}),
    ],
)  # fmt: skip
@pytest.mark.parametrize("method", ["POST", "PUT"])
async def test_plugins_that_cannot_be(
    admin: Admin, method: str, body: dict[str, Any], status: int, expected: dict[str, str]
) -> None:
    answer = await admin.send(method, "/plugins", json=body)
    assert (answer.status_code, body_of(answer)) == (status, expected)
    assert await admin.rows("/plugins") == []


async def test_one_plugin_per_name_api_and_consumer(admin: Admin) -> None:
    shop, bob = await id_of(admin, "/apis/shop"), await id_of(admin, "/consumers/bob")
    scopes: list[dict[str, str]] = [
        {}, {"api_id": shop}, {"consumer_id": bob}, {"api_id": shop, "consumer_id": bob}
    ]  # fmt: skip
    for scope in scopes:
        row = await admin.create("/plugins", {"name": "correlation-id", **scope})
        assert row.keys() == {"id", "created_at", "name", "config", "enabled", *scope}
        again = await admin.send("POST", "/plugins", json={"name": "correlation-id", **scope})
        assert (again.status_code, body_of(again)) == (
            409, {"name": "already exists with value 'correlation-id'"},
        )  # fmt: skip
    assert len(await admin.rows("/plugins")) == 4


async def test_a_patch_does_not_make_a_second_plugin_of_one_scope(admin: Admin) -> None:
    """0.10 checks this on insert only."""
    await admin.create("/plugins", {"name": "correlation-id"})
    row = await admin.create("/apis/shop/plugins", {"name": "correlation-id"})
    await admin.create("/apis/other/plugins", {"name": "correlation-id"})
    other = await id_of(admin, "/apis/other")
    answer = await admin.send("PATCH", f"/plugins/{row['id']}", json={"api_id": other})
    assert (answer.status_code, body_of(answer)) == (
        409, {"name": "already exists with value 'correlation-id'"},
    )  # fmt: skip


# -- below an API ----------------------------------------------------------------------------


async def test_the_path_forces_the_api(admin: Admin) -> None:
    """A JSON body wins in 0.10."""
    shop, other = await id_of(admin, "/apis/shop"), await id_of(admin, "/apis/other")
    for arguments in ({"json": {"name": "key-auth", "api_id": other}},
                      {"data": {"name": "correlation-id", "api_id": other}}):  # fmt: skip
        answer = await admin.send("POST", "/apis/shop/plugins", **arguments)
        assert (answer.status_code, answer.json()["api_id"]) == (201, shop)
    assert await admin.rows("/apis/other/plugins") == []
    row = (await admin.rows("/apis/shop/plugins"))[0]
    changed = await admin.send(
        "PATCH", f"/apis/shop/plugins/{row['id']}", json={"api_id": other, "enabled": False}
    )
    assert (changed.json()["api_id"], changed.json()["enabled"]) == (shop, False)


async def test_a_plugin_of_another_api_is_not_there(admin: Admin) -> None:
    row = await admin.create("/apis/shop/plugins", {"name": "key-auth"})
    for method in ("GET", "HEAD", "PATCH", "DELETE"):
        assert (
            await admin.send(method, f"/apis/other/plugins/{row['id']}", json={"enabled": False})
        ).status_code == 404
    stolen = await admin.send("PUT", "/apis/other/plugins", json={**row, "enabled": False})
    assert (stolen.status_code, stolen.content) == (200, b"")
    for url in (f"/plugins/{row['id']}", f"/apis/shop/plugins/{row['id']}"):
        assert (await admin.send("GET", url)).json() == row


@pytest.mark.parametrize("path", ["/plugins/key-auth", "/apis/shop/plugins/key-auth"])
@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
async def test_a_plugin_is_found_by_id_only(admin: Admin, method: str, path: str) -> None:
    await admin.create("/apis/shop/plugins", {"name": "key-auth"})
    answer = await admin.send(method, path, json={})
    assert (answer.status_code, body_of(answer)) == (400, {"id": "key-auth is not a valid uuid"})
    missing = await admin.send(method, path.replace("key-auth", NO_ROW), json={})
    assert (missing.status_code, body_of(missing)) == (404, {"message": "Not found"})


# -- changing --------------------------------------------------------------------------------


@pytest.mark.parametrize("below_api", [False, True])
async def test_patch_merges_the_configuration_and_checks_the_whole(
    admin: Admin, below_api: bool
) -> None:
    """0.10 checks the submitted part alone."""
    row = await admin.create(
        "/apis/shop/plugins", {"name": "rate-limiting", "config": {"minute": 5, "hour": 10}}
    )
    url = f"{'/apis/shop' if below_api else ''}/plugins/{row['id']}"
    config = {**LIMIT_CONFIG, "minute": 5, "hour": 10}
    cases: list[tuple[dict[str, Any], int, dict[str, Any]]] = [
        ({"config": {"limit_by": "ip"}}, 200, {**config, "limit_by": "ip"}),
        ({"config.hour": "20"}, 200, {**config, "limit_by": "ip", "hour": 20}),
        ({"enabled": False}, 200, {**config, "limit_by": "ip", "hour": 20}),
        ({}, 200, {**config, "limit_by": "ip", "hour": 20}),
        ({"config": {}}, 200, {**config, "limit_by": "ip", "hour": 20}),
        ({"config": {"hour": 4}}, 400,
         {"config": "The limit for hour cannot be lower than the limit for minute"}),
        ({"config": {"minute": None}}, 400, {"config.minute": "minute is not a number"}),
        ({"config": {"foo": 1}}, 400, {"config.foo": "foo is an unknown field"}),
        ({"config": "x"}, 400, {"config": "config is not a table"}),
    ]  # fmt: skip
    for changes, status, expected in cases:
        answer = await admin.send("PATCH", url, json=changes)
        assert answer.status_code == status, answer.text
        found = answer.json()
        assert (found["config"] if status == 200 else found) == expected
    assert (await admin.send("GET", url)).json()["enabled"] is False


async def test_patch_replaces_and_empties_lists_in_the_configuration(admin: Admin) -> None:
    row = await admin.create("/plugins", {"name": "key-auth", "config.key_names": "a,b"})
    for given, kept in (("c", ["c"]), (["d", "e"], ["d", "e"]), ({"1": "f"}, ["f"]), ([], [])):
        answer = await admin.send(
            "PATCH", f"/plugins/{row['id']}", json={"config": {"key_names": given}}
        )
        assert answer.json()["config"]["key_names"] == kept


async def test_another_name_is_another_plugin(admin: Admin) -> None:
    row = await admin.create("/plugins", {"name": "rate-limiting", "config": {"minute": 5}})
    for name, status, expected in [
        ("foo", 400, {"config": 'Plugin "foo" not found'}),
        ("key-auth", 404, {"message": "Not found"}),
        (5, 400, {"name": "name is not a string"}),
    ]:
        answer = await admin.send("PATCH", f"/plugins/{row['id']}", json={"name": name})
        assert (answer.status_code, body_of(answer)) == (status, expected)
    same = await admin.send("PATCH", f"/plugins/{row['id']}", json={"name": " rate-limiting "})
    assert same.json() == row
    replaced = await admin.send("PUT", "/plugins", json={"id": row["id"], "name": "key-auth"})
    assert (replaced.status_code, replaced.content) == (200, b"")
    assert await admin.rows("/plugins") == [row]


async def test_put_replaces_by_id_and_name(admin: Admin) -> None:
    row = await admin.create("/apis/shop/plugins", {"name": "rate-limiting", "config.minute": 5})
    body = {"id": row["id"], "name": "rate-limiting", "config": {"hour": 7}}
    answer = await admin.send("PUT", "/plugins", json=body)
    del row["api_id"]  # not sent, so gone
    assert answer.status_code == 200
    assert answer.json() == {**row, "config": {**LIMIT_CONFIG, "hour": 7}}
    no_name = await admin.send("PUT", "/plugins", json={"id": row["id"], "config": {"hour": 7}})
    assert (no_name.status_code, body_of(no_name)) == (400, {"name": "name is required"})
    unknown = await admin.send("PUT", "/plugins", json={**body, "id": NO_ROW})
    assert (unknown.status_code, unknown.content) == (200, b"")
    malformed = await admin.send("PUT", "/plugins", json={**body, "id": "xyz"})
    assert (malformed.status_code, body_of(malformed)) == (
        400, {"message": "xyz is not a valid uuid"},
    )  # fmt: skip


# -- what there is ---------------------------------------------------------------------------


async def test_enabled_plugins(admin: Admin) -> None:
    answer = await admin.send("GET", "/plugins/enabled")
    assert set(body_of(answer)) == {"enabled_plugins"}
    assert set(body_of(answer)["enabled_plugins"]) == {
        "acl",
        "basic-auth",
        "hmac-auth",
        "jwt",
        "key-auth",
        "oauth2",
        "rate-limiting",
        "correlation-id",
        "file-log",
        "bot-detection",
        "cors",
        "ip-restriction",
        "request-size-limiting",
        "request-termination",
        "request-transformer",
        "response-ratelimiting",
        "response-transformer",
    }


@pytest.mark.parametrize(
    ("name", "config", "problem"),
    [
        (
            "ip-restriction",
            {"whitelist": "x"},
            {"config.whitelist": "cannot parse 'x': Invalid IP"},
        ),
        (
            "ip-restriction",
            {},
            {"config": "you must set at least a whitelist or blacklist"},
        ),
        (
            "request-transformer",
            {"add": {"headers": ["x"]}},
            {"config.add.headers": "key 'x' has no value"},
        ),
        (
            "response-ratelimiting",
            {"limits": {"v": {"week": 1}}},
            {"config.limits.v.week": "week is an unknown field"},
        ),
        (
            "response-ratelimiting",
            {"limits": {}},
            {"config": "You need to set at least one limit name"},
        ),
    ],
)
async def test_what_is_wrong_in_a_configuration_is_found_by_its_path(
    admin: Admin, name: str, config: dict[str, Any], problem: dict[str, str]
) -> None:
    answer = await admin.send("POST", "/plugins", json={"name": name, "config": config})
    assert (answer.status_code, answer.json()) == (400, problem)


async def test_limits_under_names_of_ones_own_are_merged_and_sent_as_a_form(admin: Admin) -> None:
    form = {"name": "response-ratelimiting", "config.limits.video.minute": "5"}
    answer = await admin.send("POST", "/plugins", data=form)
    assert answer.status_code == 201, answer.text
    assert answer.json()["config"]["limits"] == {"video": {"minute": 5}}
    change = {"config": {"limits": {"image": {"day": 9}}}}
    changed = await admin.send("PATCH", f"/plugins/{answer.json()['id']}", json=change)
    assert changed.json()["config"]["limits"] == {"video": {"minute": 5}, "image": {"day": 9}}


async def test_the_schema_of_a_plugin(admin: Admin) -> None:
    key_auth = body_of(await admin.send("GET", "/plugins/schema/key-auth"))
    assert key_auth == {
        "fields": {
            "key_names": {
                "type": "array", "required": True, "default": "function", "func": "function",
            },
            "hide_credentials": {"type": "boolean", "default": False},
            "anonymous": {"type": "string", "default": "", "func": "function"},
            "key_in_body": {"type": "boolean", "default": False},
        },
        "no_consumer": True,
    }  # fmt: skip
    limit = body_of(await admin.send("GET", "/plugins/schema/rate-limiting/"))
    assert limit.keys() == {"fields", "self_check"}
    assert limit["fields"]["second"] == {"type": "number"}
    assert body_of(await admin.send("GET", "/plugins/schema/key-auth")) == key_auth


async def test_the_schema_of_a_plugin_that_is_not_there(admin: Admin) -> None:
    answer = await admin.send("GET", "/plugins/schema/foobar")
    assert (answer.status_code, body_of(answer)) == (404, {"message": "No plugin named 'foobar'"})
