"""The levels of the error log that the standard library does not have (nginx's, by their names)."""

import logging

__all__ = ["ALERT", "EMERG", "NOTICE"]

NOTICE = 25
"""What an operator wants to know of a node that is well: it started, a member joined."""

ALERT = 60
EMERG = 70
"""Nothing is that urgent here; a ``log_level`` this high keeps the error log silent."""

logging.addLevelName(NOTICE, "NOTICE")
logging.addLevelName(ALERT, "ALERT")
logging.addLevelName(EMERG, "EMERG")
