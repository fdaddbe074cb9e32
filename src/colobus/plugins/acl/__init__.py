"""acl: lets consumers pass, or keeps them out, by the groups they belong to."""

from colobus.plugins.acl.entities import ACLS
from colobus.plugins.acl.handler import Acl

__all__ = ["ACLS", "Acl"]
