"""bot-detection: refuses clients whose User-Agent says that they are robots.

Reference: plugins.md, bot-detection. Verdicts are remembered with the configuration they come
from, so a changed one starts anew.
"""

from colobus.plugins.bot_detection.handler import BotDetection, BotDetectionConfig

__all__ = ["BotDetection", "BotDetectionConfig"]
