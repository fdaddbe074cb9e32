"""Colobus: a clustered API gateway.

``COLOBUS_PURE=1`` in the environment makes every module of the package load from its Python
source, also where a compiled extension of the same name lies beside it.
"""

import os
import sys

from colobus.version import VERSION

__all__ = ["VERSION"]

if os.environ.get("COLOBUS_PURE") == "1":
    from colobus.pure import SourceFinder

    sys.meta_path.insert(0, SourceFinder("colobus"))
