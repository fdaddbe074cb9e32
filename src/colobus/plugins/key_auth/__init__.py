"""key-auth: an API key in a header, the query or the body names the consumer."""

from colobus.plugins.key_auth.entities import KEYAUTH_CREDENTIALS
from colobus.plugins.key_auth.handler import KeyAuth

__all__ = ["KEYAUTH_CREDENTIALS", "KeyAuth"]
