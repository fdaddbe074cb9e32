"""Who this node is: a name that survives restarts, and the address it is reached at.

The name lies in the prefix, so a copied prefix (a cloned disk, an image that was started once) makes
two nodes of one name. The one that starts while the other lives takes a new name, see ``clones``.
"""

import socket
from pathlib import Path
from uuid import UUID

from colobus.errors import NodeError

__all__ = ["advertised_address", "load_name", "mint_name"]


def load_name(path: Path, hostname: str, cluster_listen: str, new_id: UUID) -> str:
    """Return the name kept in ``path``, or make it (clustering §5.2) and keep it there.

    The form is ``<hostname>_<cluster_listen>_<32 hexadecimal digits>``. A kept name stays when
    ``cluster_listen`` changes.

    Raises:
        NodeError: the file cannot be read or written.
    """
    try:
        if path.exists():
            kept = path.read_text(encoding="utf-8").strip()
            if kept:
                return kept
    except (OSError, UnicodeDecodeError) as exc:
        raise NodeError(f"cannot keep the node's name in {path}: {exc}") from exc
    return mint_name(path, hostname, cluster_listen, new_id)


def mint_name(path: Path, hostname: str, cluster_listen: str, new_id: UUID) -> str:
    """Make a new name and keep it in ``path``, whatever was kept there.

    Raises:
        NodeError: the file cannot be written.
    """
    name = f"{hostname}_{cluster_listen}_{new_id.hex}"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name + "\n", encoding="utf-8")
    except OSError as exc:
        raise NodeError(f"cannot keep the node's name in {path}: {exc}") from exc
    return name


def advertised_address(
    advertise: tuple[str, int] | None, listen: tuple[str, int]
) -> tuple[str, int]:
    """Return the address other nodes reach this one at (mission row S9).

    ``advertise`` if set, else ``listen``; where that is every interface, the first local IPv4
    address that is not loopback, and loopback on a machine that has no other.
    """
    if advertise is not None:
        return advertise
    host, port = listen
    return (_first_address() if host in ("0.0.0.0", "::") else host), port  # noqa: S104 (compared)


def _first_address() -> str:
    """Return the address the kernel would send from; nothing is sent by connecting UDP."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # TEST-NET-1, RFC 5737: never routed, only looked up
            address: str = probe.getsockname()[0]
        except OSError:
            return "127.0.0.1"
    return address
