"""hmac-auth: a signature over parts of the request names the consumer."""

from colobus.plugins.hmac_auth.entities import HMACAUTH_CREDENTIALS
from colobus.plugins.hmac_auth.handler import HmacAuth

__all__ = ["HMACAUTH_CREDENTIALS", "HmacAuth"]
