"""Forces the pure build: finds modules of a package as source, never as an extension."""

from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import SOURCE_SUFFIXES, FileFinder, ModuleSpec, SourceFileLoader
from types import ModuleType


class SourceFinder(MetaPathFinder):
    """Finds the modules of one package by their source files alone.

    Python prefers ``wire.cpython-311-x86_64-linux-gnu.so`` to ``wire.py`` in the same folder;
    this finder, first on ``sys.meta_path``, turns that round.
    """

    def __init__(self, package: str) -> None:
        self.prefix = package + "."

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,
        target: ModuleType | None = None,  # noqa: ARG002  (the import system's signature)
    ) -> ModuleSpec | None:
        """Return the source file's spec, or None to let the ordinary finders go on."""
        if path is None or not fullname.startswith(self.prefix):
            return None
        for folder in path:
            spec = FileFinder(folder, (SourceFileLoader, SOURCE_SUFFIXES)).find_spec(fullname)
            if spec is not None and spec.loader is not None:
                return spec
        return None
