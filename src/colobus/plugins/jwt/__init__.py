"""jwt: a signed token (RFC 7519) names the consumer."""

from colobus.plugins.jwt.entities import JWT_SECRETS
from colobus.plugins.jwt.handler import Jwt

__all__ = ["JWT_SECRETS", "Jwt"]
