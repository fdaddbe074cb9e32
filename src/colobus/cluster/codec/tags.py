"""A member's tags as the meta bytes of its node record (reference: serf §6)."""

from collections.abc import Mapping
from typing import Final

from colobus.cluster.codec.dialect import load_prefix, pack_old
from colobus.cluster.codec.limits import PACKET_LIMITS
from colobus.cluster.codec.records import map_of, text
from colobus.errors import ClusterError, ClusterProtocolError

__all__ = ["MAX_META_SIZE", "decode_tags", "encode_tags"]

# memberlist's MetaMaxSize: peers refuse to start with more, and a datagram has to hold it.
MAX_META_SIZE: Final = 512
_MAGIC: Final = b"\xff"
_TAGS: Final = map_of(text())


def encode_tags(tags: Mapping[str, str]) -> bytes:
    """Return the meta that says ``tags``.

    Raises:
        ClusterError: they take more than 512 bytes.
        ClusterProtocolError: a text that is not Unicode.
    """
    meta = _MAGIC + pack_old(_TAGS.dump(tags))
    if len(meta) > MAX_META_SIZE:
        raise ClusterError(f"Encoded length of tags exceeds limit of {MAX_META_SIZE} bytes")
    return meta


def decode_tags(meta: bytes) -> dict[str, str]:
    """Return the tags that ``meta`` says; of a member of protocol 2 all of it is tag ``role``.

    Raises:
        ClusterProtocolError: meta that announces tags and holds no map of texts.
    """
    if not meta:
        return {}
    if not meta.startswith(_MAGIC):
        return {"role": meta.decode("utf-8", errors="surrogateescape")}
    value, _ = load_prefix(meta[1:], PACKET_LIMITS)
    if not isinstance(value, dict):
        raise ClusterProtocolError("tags are not a map")
    tags = _TAGS.load(value)
    assert isinstance(tags, dict)
    return tags
