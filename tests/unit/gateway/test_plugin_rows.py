"""The plugin rows of a worker."""

from typing import Any

from colobus.gateway.plugin_rows import PluginRows
from colobus.model.schema import Row, Schema
from colobus.plugins.base import Plugin
from colobus.testing.capabilities import MemoryWorker


class Empty(Schema):
    """No settings."""


class First(Plugin):
    name = "first"
    priority = 2
    Config = Empty


class Second(Plugin):
    name = "second"
    priority = 1
    Config = Empty


def rows() -> PluginRows:
    capabilities = MemoryWorker().capabilities
    return PluginRows([Second(capabilities), First(capabilities)])


def row(row_id: str, name: str = "first", **fields: Any) -> Row:
    return {"id": row_id, "name": name, **fields}


def test_put_and_remove_tell_which_scopes_they_touch() -> None:
    held = rows()
    assert held.put(row("1", api_id="a")) == [("a", None)]
    assert held.put(row("1", consumer_id="c")) == [("a", None), (None, "c")]
    assert held.put(row("1", consumer_id="c", enabled=False)) == [(None, "c")]
    assert held.put(row("1")) == [(None, None)]
    assert held.remove("1") == [(None, None)]
    assert held.remove("1") == []
    assert len(held) == 0


def test_the_names_of_apis_and_consumers_last_as_long_as_a_row_has_them() -> None:
    held = rows()
    held.put(row("1", api_id="a"))
    held.put(row("2", "second", api_id="a", consumer_id="c"))
    assert held.names_api("a")
    assert held.names_consumer("c")
    assert not held.names_api(None)
    assert not held.names_consumer("a")
    held.remove("1")
    assert held.names_api("a")
    held.remove("2")
    assert not held.names_api("a")
    assert not held.names_consumer("c")
    assert held.names == {}


def test_what_is_left_of_a_scope_goes_on_applying() -> None:
    held = rows()
    held.put(row("1", created_at=1))
    held.put(row("2", created_at=2))
    held.put(row("3", "second"))
    held.remove("1")
    assert [plugin.age[1] for plugin in held.applying(None, None)] == ["2", "3"]
    held.remove("2")
    assert [plugin.age[1] for plugin in held.applying(None, None)] == ["3"]


def test_applying_rows_come_in_the_plugins_order() -> None:
    held = rows()
    held.put(row("1", "second"))
    held.put(row("2", "first", api_id="a"))
    assert [plugin.age[1] for plugin in held.applying("a", None)] == ["2", "1"]
    assert [plugin.age[1] for plugin in held.applying("b", None)] == ["1"]


def test_a_row_may_leave_out_its_config() -> None:
    held = rows()
    held.put({"id": "1", "name": "first"})
    assert held.broken == {}
    assert held.applying(None, None)[0].steps == {}
