"""cors: answers preflights, and tells browsers which origins may read an answer.

Reference: plugins.md, cors. Every OPTIONS request counts as a preflight.
"""

from colobus.plugins.cors.config import CorsConfig
from colobus.plugins.cors.handler import Cors

__all__ = ["Cors", "CorsConfig"]
