"""The version of the package, and the level of the Admin API it speaks."""

VERSION = "0.1.0"
ADMIN_API_VERSION = "0.10.4"
