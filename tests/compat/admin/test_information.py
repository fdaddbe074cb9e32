"""Node information (reference: admin-api §1.7)."""

from colobus.plugins.registry import BUNDLED
from support.admin import Admin, body_of


async def test_the_node_tells_what_clients_look_for() -> None:
    admin = Admin()
    told = body_of(await admin.send("GET", "/"))
    assert told.keys() == {
        "tagline", "version", "colobus_version", "hostname", "timers", "plugins", "lua_version",
        "configuration", "prng_seeds",
    }  # fmt: skip
    assert told["tagline"] == "Welcome to kong"
    assert told["version"] == "0.10.4"
    assert told["hostname"] == "machine-a"
    assert told["timers"] == {"running": 0, "pending": 0}
    assert "Python" in told["lua_version"]
    assert told["configuration"] == {"prefix": "/srv/colobus", "pg_password": "******"}
    assert told["prng_seeds"] == {}
    assert told["plugins"] == {
        "available_on_server": dict.fromkeys(BUNDLED, True),
        "enabled_in_cluster": [],
    }


async def test_plugins_of_the_cluster_are_named_once_whether_enabled_or_not() -> None:
    admin = Admin()
    await admin.create("/apis", {"name": "a", "uris": "/", "upstream_url": "http://x"})
    await admin.create("/plugins", {"name": "key-auth", "enabled": False})
    await admin.create("/apis/a/plugins", {"name": "key-auth"})
    await admin.create("/apis/a/plugins", {"name": "correlation-id"})
    told = body_of(await admin.send("GET", "/"))["plugins"]["enabled_in_cluster"]
    assert sorted(told) == ["correlation-id", "key-auth"]


async def test_the_status_counts_every_kind_at_once() -> None:
    admin = Admin()
    before = body_of(await admin.send("GET", "/status"))
    assert before == {
        "server": {"connections_active": 2, "total_requests": 9},
        "database": dict.fromkeys(admin.catalog, 0),
    }  # fmt: skip
    await admin.create("/consumers", {"username": "bob"})
    await admin.create("/consumers/bob/key-auth", {})
    after = body_of(await admin.send("GET", "/status/"))["database"]
    assert after == {**before["database"], "consumers": 1, "keyauth_credentials": 1}
