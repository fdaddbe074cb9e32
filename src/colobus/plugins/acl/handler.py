"""Looks whether the consumer's groups are on the list (reference: plugins.md, acl)."""

from collections.abc import Coroutine
from typing import Any

from colobus.model.schema import Row
from colobus.plugins.acl.config import AclConfig
from colobus.plugins.acl.entities import ACLS
from colobus.plugins.base import Plugin
from colobus.plugins.context import Exchange, ShortCircuit
from colobus.plugins.questions import Questions, answered

__all__ = ["Acl"]


class Acl(Plugin):
    """Decides by groups whether an authenticated consumer may pass."""

    name = "acl"
    priority = 950
    no_consumer = True
    Config = AclConfig
    kinds = (ACLS,)
    migrations = "colobus.plugins.acl.migrations"

    def access(self, exchange: Exchange, config: AclConfig) -> Coroutine[Any, Any, None] | None:
        """Let the request pass, or refuse it."""
        return answered(self.capabilities.lookups, _check(exchange, config))


def _check(exchange: Exchange, config: AclConfig) -> Questions[None]:
    """Tell the upstream the groups of the consumer.

    Raises:
        ShortCircuit: nobody was authenticated, or the groups do not let the consumer pass.
    """
    consumer_id = _consumer_id(exchange.credential)
    if consumer_id is None:
        raise ShortCircuit(
            403,
            "Cannot identify the consumer, add an authentication plugin to use the ACL plugin",
        )
    rows = yield ACLS, "consumer_id", consumer_id
    groups = [row["group"] for row in rows]
    if not _may_pass(groups, config):
        raise ShortCircuit(403, "You cannot consume this service")
    exchange.request.set_header("X-Consumer-Groups", ", ".join(groups))


def _consumer_id(credential: Row | None) -> str | None:
    """Return whom the credential belongs to; the anonymous consumer has none, LDAP users neither."""
    return None if credential is None else credential.get("consumer_id")


def _may_pass(groups: list[str], config: AclConfig) -> bool:
    if config.blacklist:
        return not any(group in config.blacklist for group in groups)
    return any(group in (config.whitelist or ()) for group in groups)
