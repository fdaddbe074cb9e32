"""Imports point downwards only (ARCHITECTURE.md, "Layers")."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent.parent / "src" / "colobus"

# Lowest first. A module may import modules of its own layer and of those before it.
LAYERS: tuple[tuple[str, ...], ...] = (
    ("colobus.version", "colobus.pure", "colobus"),
    ("colobus.errors", "colobus.clock"),
    ("colobus.logs",),
    ("colobus.model",),
    ("colobus.config",),
    ("colobus.plugins.context", "colobus.plugins.base"),
    ("colobus.gateway", "colobus.cache", "colobus.store", "colobus.cluster"),
    ("colobus.plugins",),
    ("colobus.changes",),
    ("colobus.admin",),
    ("colobus.node",),
    ("colobus.testing",),
    ("colobus.cli",),
)

# The data path is told everything; it never reaches for a store or a supervisor.
FORBIDDEN = {
    "colobus.gateway": ("colobus.store", "colobus.config", "colobus.cache", "sqlalchemy"),
    "colobus.cache": ("colobus.store", "colobus.gateway", "sqlalchemy"),
    "colobus.cluster": ("colobus.store", "colobus.gateway", "colobus.cache", "sqlalchemy"),
    "colobus.store": ("colobus.gateway", "colobus.cache", "colobus.plugins", "colobus.config"),
    "colobus.admin": ("colobus.gateway", "colobus.cache", "sqlalchemy"),
    "colobus.node.worker": ("colobus.store", "colobus.admin", "sqlalchemy", "starlette"),
    "colobus.node.memory": ("colobus.store", "colobus.admin", "sqlalchemy"),
}

PURE = (
    "colobus.model",
    "colobus.cache.fenced",
    "colobus.changes.image",
    "colobus.changes.polling",
    "colobus.changes.progress",
    "colobus.cluster.codec",
    "colobus.cluster.coordinates",
    "colobus.cluster.keyring",
    "colobus.cluster.machine",
    "colobus.cluster.messages",
    "colobus.cluster.refusals",
    "colobus.cluster.rpc.backlog",
    "colobus.cluster.rpc.commands",
    "colobus.cluster.rpc.protocol",
    "colobus.cluster.rpc.replies",
    "colobus.cluster.rpc.requests",
    "colobus.cluster.serf",
    "colobus.cluster.swim",
    "colobus.cluster.timing",
    "colobus.gateway.access_log",
    "colobus.gateway.chain",
    "colobus.gateway.framing",
    "colobus.gateway.http2_answer",
    "colobus.gateway.http2_frames",
    "colobus.gateway.http2_limits",
    "colobus.gateway.http2_request",
    "colobus.gateway.log_record",
    "colobus.gateway.plugin_rows",
    "colobus.gateway.route",
    "colobus.gateway.route_index",
    "colobus.gateway.router",
    "colobus.gateway.timers",
    "colobus.gateway.uri",
    "colobus.gateway.wire",
    "colobus.logs.escaping",
    "colobus.logs.line",
    "colobus.store.log",
    "colobus.store.paging",
    "colobus.store.values",
    "colobus.store.writer",
)
IMPURE_IMPORTS = {"asyncio", "socket", "ssl", "os", "time", "threading", "subprocess"}


def modules() -> dict[str, Path]:
    """Return every module of the package by its dotted name."""
    found = {}
    for path in SOURCE.rglob("*.py"):
        parts = path.relative_to(SOURCE.parent).with_suffix("").parts
        found[".".join(parts).removesuffix(".__init__")] = path
    return found


def imports(path: Path) -> Iterator[str]:
    """Yield what a module imports, as dotted names (``from a import b`` as both)."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def is_within(name: str, package: str) -> bool:
    return name == package or name.startswith(package + ".")


def layer_of(name: str) -> int | None:
    matches = [
        (len(package), number)
        for number, packages in enumerate(LAYERS)
        for package in packages
        if is_within(name, package)
    ]
    return max(matches)[1] if matches else None


MODULES = modules()


@pytest.mark.parametrize("name", sorted(MODULES))
def test_a_module_imports_nothing_from_above(name: str) -> None:
    own = layer_of(name)
    assert own is not None
    above = [
        imported
        for imported in imports(MODULES[name])
        if is_within(imported, "colobus")
        and imported in MODULES
        and (layer_of(imported) or 0) > own
    ]
    assert above == []


@pytest.mark.parametrize(("package", "forbidden"), FORBIDDEN.items())
def test_packages_that_must_not_know_each_other_do_not(
    package: str, forbidden: tuple[str, ...]
) -> None:
    found = [
        (name, imported)
        for name, path in MODULES.items()
        if is_within(name, package)
        for imported in imports(path)
        if any(is_within(imported, other) for other in forbidden)
    ]
    assert found == []


@pytest.mark.parametrize("package", PURE)
def test_pure_modules_do_no_io(package: str) -> None:
    inside = [name for name in MODULES if is_within(name, package)]
    assert inside
    found = [
        (name, imported)
        for name in inside
        for imported in imports(MODULES[name])
        if imported.partition(".")[0] in IMPURE_IMPORTS
    ]
    assert found == []


def test_a_concrete_plugin_uses_only_the_public_surface() -> None:
    public = (
        "colobus.plugins.base",
        "colobus.plugins.context",
        "colobus.plugins.authentication",
        "colobus.plugins.body",
        "colobus.plugins.credentials",
        "colobus.plugins.log_record",
        "colobus.plugins.patterns",
        "colobus.plugins.questions",
        "colobus.plugins.quotas",
        "colobus.plugins.transformation",
        "colobus.logs.file",
        "colobus.model",
        "colobus.errors",
    )
    framework = {"colobus.plugins", "colobus.plugins.registry", *public}
    concrete = [
        name
        for name in MODULES
        if is_within(name, "colobus.plugins")
        and not any(is_within(name, own) for own in framework if own != "colobus.plugins")
        and name != "colobus.plugins"
    ]
    assert concrete
    for name in concrete:
        own_folder = ".".join(name.split(".")[:3])
        for imported in imports(MODULES[name]):
            if is_within(imported, "colobus") and not is_within(imported, own_folder):
                assert any(is_within(imported, package) for package in public), (name, imported)
