"""Label headers: traffic of pools that share addresses kept apart (reference: memberlist §2.7).

Newer than Serf 0.9, which never sends one. A node without a label drops labelled traffic, and one
with a label drops all that does not carry it.
"""

from typing import Final

from colobus.cluster.codec.type_bytes import MessageType
from colobus.errors import ClusterProtocolError

__all__ = ["label_header", "strip_label"]

_MAX_LENGTH: Final = 255


def label_header(label: bytes) -> bytes:
    """Return what stands before labelled traffic; nothing for the empty label.

    Raises:
        ClusterProtocolError: a label longer than 255 bytes.
    """
    if not label:
        return b""
    if len(label) > _MAX_LENGTH:
        raise ClusterProtocolError(f"label exceeds {_MAX_LENGTH} bytes")
    return bytes((MessageType.LABEL, len(label))) + label


def strip_label(data: bytes | bytearray, label: bytes) -> int | None:
    """Return where the traffic of pool ``label`` starts in ``data``, or None if more is needed.

    Raises:
        ClusterProtocolError: it carries another label, none, or an empty one.
    """
    if not data:
        return None
    if data[0] != MessageType.LABEL:
        if label:
            raise ClusterProtocolError("label is missing")
        return 0
    if len(data) < 2:
        return None
    end = 2 + data[1]
    if end == 2:
        raise ClusterProtocolError("label is empty")
    if len(data) < end:
        return None
    if data[2:end] != label:
        raise ClusterProtocolError("label is that of another pool")
    return end
