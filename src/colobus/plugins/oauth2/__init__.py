"""oauth2: an OAuth 2.0 provider (RFC 6749), and the tokens it issues as credentials."""

from colobus.plugins.oauth2.entities import OAUTH2_CODES, OAUTH2_CREDENTIALS, OAUTH2_TOKENS
from colobus.plugins.oauth2.handler import OAuth2

__all__ = ["OAUTH2_CODES", "OAUTH2_CREDENTIALS", "OAUTH2_TOKENS", "OAuth2"]
