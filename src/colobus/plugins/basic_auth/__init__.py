"""basic-auth: a username and a password name the consumer."""

from colobus.plugins.basic_auth.entities import BASICAUTH_CREDENTIALS
from colobus.plugins.basic_auth.handler import BasicAuth

__all__ = ["BASICAUTH_CREDENTIALS", "BasicAuth"]
