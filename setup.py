"""Compiles the inner modules of the data path where that is possible; installs without where not.

Everything else is in pyproject.toml. A module is compiled if a ``.pxd`` lies beside it: from its
``.pyx`` if it has one, else from its ``.py``, to which the ``.pxd`` gives C types. Each of them
also works as plain Python, only slower, so a missing compiler is no error. ``COLOBUS_PURE=1`` in
the environment leaves compiling out.
"""

import os
import warnings
from pathlib import Path

from setuptools import Extension, setup

SOURCE = Path("src")

# Annotations stay what they are for readers and mypy; the .pxd alone gives C types.
DIRECTIVES = {"language_level": 3, "annotation_typing": False}


def extension(declarations: Path) -> Extension:
    """Return the extension of the module that a ``.pxd`` belongs to."""
    twin = declarations.with_suffix(".pyx")
    source = twin if twin.exists() else declarations.with_suffix(".py")
    name = ".".join(declarations.relative_to(SOURCE).with_suffix("").parts)
    return Extension(name, [str(source)], extra_compile_args=["-O3", "-g0"])


def extensions() -> list[Extension]:
    """Return what to compile: nothing if that is not wanted or Cython is missing."""
    if os.environ.get("COLOBUS_PURE") == "1":
        return []
    try:
        from Cython.Build import cythonize
    except ImportError:
        warnings.warn("Cython is missing: no module of Colobus is compiled", stacklevel=1)
        return []
    wanted = [extension(path) for path in sorted(SOURCE.rglob("*.pxd"))]
    compiled = list(cythonize(wanted, compiler_directives=DIRECTIVES))
    for each in compiled:
        each.optional = True  # a failing compiler costs speed only; cythonize drops this setting
    return compiled


# Generated C travels in the source distribution, not in wheels.
setup(ext_modules=extensions(), exclude_package_data={"": ["*.c"]})
