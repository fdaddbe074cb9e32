"""Settings of the cluster: how nodes find and tell each other."""

from dataclasses import dataclass
from pathlib import Path

from colobus.config.addresses import Address
from colobus.config.declaration import optional, setting
from colobus.config.kinds import (
    ENCRYPT_KEY,
    IPV4_ADDRESS,
    PATH,
    STRING,
    Kind,
    UnfitError,
    number_between,
    one_of,
)

__all__ = ["ClusterSettings"]

LEAST_TTL_S = 60
MOST_TTL_S = 10 * 365 * 86_400


def _parse_ttl(text: str) -> int:
    value = number_between(-MOST_TTL_S, MOST_TTL_S).parse(text)
    if value < LEAST_TTL_S:
        raise UnfitError(text, f"{{setting}} must be at least {LEAST_TTL_S} seconds")
    return value


_TTL = Kind("number", _parse_ttl, shown=int)


@dataclass(frozen=True, kw_only=True, repr=False)
class ClusterSettings:
    """The cluster: nodes that share a datastore and tell each other what changed."""

    cluster_listen: Address = setting(
        IPV4_ADDRESS,
        Address("0.0.0.0", 7946),  # noqa: S104 (other nodes must reach it)
        "Where other nodes reach this one, by TCP and UDP.",
    )
    cluster_listen_rpc: Address = setting(
        IPV4_ADDRESS,
        Address("127.0.0.1", 7373),
        "Where commands on this machine reach the cluster agent of the node, by TCP.",
    )
    cluster_rpc_auth_key: str | None = optional(
        STRING,
        "What clients of cluster_listen_rpc must show first: `serf -rpc-auth`, and"
        " `colobus cluster` by itself. Without it, whoever reaches the port commands the agent.",
        is_secret=True,
    )
    cluster_advertise: Address | None = optional(
        IPV4_ADDRESS,
        "The address other nodes are told to reach this one at, when it is not the one it listens"
        " on: behind NAT, or with several networks.",
        old_names=("cluster.advertise",),
    )
    cluster_encrypt_key: str | None = optional(
        ENCRYPT_KEY,
        "Key that encrypts what nodes tell each other: 16 bytes in base64, the same on all nodes."
        " `colobus cluster keygen` makes one. Excludes cluster_keyring_file.",
        is_secret=True,
        old_names=("cluster.encrypt",),
    )
    cluster_keyring_file: Path | None = optional(
        PATH,
        "File with a JSON array of such keys, of which the first encrypts. Rewritten when keys are"
        " rotated. Excludes cluster_encrypt_key.",
    )
    cluster_ttl_on_failure: int = setting(
        _TTL,
        3600,
        "Seconds after its last sign of life that a node which crashed is forgotten; at least 60.",
        old_names=("cluster.ttl_on_failure",),
    )
    cluster_profile: str = setting(
        one_of("local", "lan", "wan"),
        "wan",
        "How soon a silent node counts as failed: `local` for nodes on one machine, `lan`, or `wan`"
        " for several data centres.",
        old_names=("cluster.profile",),
    )
    cluster_purge_on_join: str = setting(
        one_of("revision", "always"),
        "revision",
        "What happens to the cache of a node when another joins or comes back: with `revision` the"
        " node looks at the datastore's revision and drops what changed; with `always` it drops"
        " everything, as 0.10.4 did, and asks the datastore for all of it again.",
    )
