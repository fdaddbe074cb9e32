"""The one place where errors become answers of the Admin API."""

import logging

from colobus.admin.answer import Answer, json_answer, message
from colobus.errors import (
    ForeignKeyError,
    GatewayError,
    SchemaError,
    StoreUnavailableError,
    UniqueError,
)

__all__ = ["answer_to", "unexpected"]

logger = logging.getLogger(__name__)


def answer_to(error: GatewayError) -> Answer:
    """Return the answer that an error of ours means (admin-api §1.1, §1.2)."""
    match error:
        case SchemaError():
            return json_answer(400, error.fields)
        case UniqueError() if error.reason is not None:
            return json_answer(400, {error.field: error.reason})
        case UniqueError():
            return json_answer(409, {error.field: f"already exists with value '{error.value}'"})
        case ForeignKeyError():
            return json_answer(404, {error.field: f"does not exist with value '{error.value}'"})
        case StoreUnavailableError():
            logger.error("the datastore is unavailable: %s", error)
            return message(503, "Service unavailable")
        case _:
            return unexpected(error)


def unexpected(error: Exception) -> Answer:
    """Log what nobody expected, and return the answer that tells nothing of it."""
    logger.error("a request failed", exc_info=error)
    return message(500, "An unexpected error occurred")
