"""Every build of a module that exists as Python source and perhaps as a compiled extension."""

import sys
from importlib import import_module
from importlib.machinery import (
    EXTENSION_SUFFIXES,
    ExtensionFileLoader,
    FileFinder,
    SourceFileLoader,
)
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import colobus

PACKAGE = Path(colobus.__file__).parent


def load_pure(name: str) -> ModuleType:
    """Load ``name`` (such as ``colobus.gateway.wire``) from its source, under another name."""
    path = PACKAGE.joinpath(*name.split(".")[1:]).with_suffix(".py")
    alias = f"{name}_pure"
    spec = spec_from_file_location(alias, path, loader=SourceFileLoader(alias, str(path)))
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[alias] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def load_compiled(name: str) -> ModuleType | None:
    """Load the extension of that name, or return None when it was not built."""
    folder = PACKAGE.joinpath(*name.split(".")[1:-1])
    spec = FileFinder(str(folder), (ExtensionFileLoader, EXTENSION_SUFFIXES)).find_spec(name)
    if spec is None or spec.loader is None:
        return None
    # Imported first: an extension that is loaded takes the name in sys.modules if it is free.
    loaded = import_module(name)
    if loaded.__file__ == spec.origin:
        return loaded
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def load_builds(name: str) -> dict[str, ModuleType]:
    """Return the builds of a module by their names, ``pure`` first."""
    compiled = load_compiled(name)
    pure = {"pure": load_pure(name)}
    return pure if compiled is None else {**pure, "compiled": compiled}
