"""The captured bytes of real Serf agents (``tests/data/serf``), and records in their spelling."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

DATA = Path(__file__).parent.parent / "data" / "serf"

# The names of our fields on the wire, written down once more: a field that the codec reads from
# the wrong key must not pass because it writes to the same wrong key.
NAMES = {
    "accuser": "From",
    "address": "Addr",
    "adjustment": "Adjustment",
    "coalesce": "CC",
    "delegate_current": "DelegateCur",
    "delegate_max": "DelegateMax",
    "delegate_min": "DelegateMin",
    "error": "Error",
    "event_time": "EventLTime",
    "events": "Events",
    "expression": "Expr",
    "filters": "Filters",
    "flags": "Flags",
    "height": "Height",
    "id": "ID",
    "incarnation": "Incarnation",
    "key": "Key",
    "keys": "Keys",
    "left_members": "LeftMembers",
    "member_time": "LTime",
    "message": "Message",
    "meta": "Meta",
    "name": "Name",
    "node": "Node",
    "payload": "Payload",
    "port": "Port",
    "primary_key": "PrimaryKey",
    "protocol_current": "ProtocolCur",
    "protocol_max": "ProtocolMax",
    "protocol_min": "ProtocolMin",
    "prune": "Prune",
    "query_time": "QueryLTime",
    "relay_factor": "RelayFactor",
    "result": "Result",
    "sender": "From",
    "sequence": "SeqNo",
    "source_address": "SourceAddr",
    "source_node": "SourceNode",
    "source_port": "SourcePort",
    "state": "State",
    "status": "Status",
    "status_times": "StatusLTimes",
    "tag": "Tag",
    "tags": "Tags",
    "target": "Target",
    "text": "Error",
    "time": "LTime",
    "timeout_ns": "Timeout",
    "vector": "Vec",
    "versions": "Vsn",
    "wants_nack": "Nack",
}


def load(name: str) -> Any:
    """Return the content of ``tests/data/serf/<name>.json``."""
    return json.loads((DATA / f"{name}.json").read_text(encoding="utf-8"))


def described(value: Any) -> Any:
    """Return a record as ``decoded`` spells it; what is zero or empty, or None, is left out."""
    if is_dataclass(value) and not isinstance(value, type):
        named = {NAMES[field.name]: getattr(value, field.name) for field in fields(value)}
        return described(named)
    if isinstance(value, bytes):
        text = value.decode("ascii", errors="replace")
        return text if text.isprintable() and value.isascii() else f"hex:{value.hex()}"
    if isinstance(value, Mapping):
        spelt = {key: described(item) for key, item in value.items()}
        return {key: item for key, item in spelt.items() if item not in (None, 0, "", [], {})}
    if isinstance(value, list | tuple):
        return [described(item) for item in value]
    return value


def sparse_events(body: dict[str, Any]) -> dict[str, Any]:
    """Return a described state whose lists of events are shortened as in ``decoded``."""

    def shorten(items: list[Any]) -> dict[str, Any]:
        kept = {str(number): item for number, item in enumerate(items) if item is not None}
        return {"len": len(items), "non_null": kept} if kept else {"len": len(items)}

    slots = [
        None if slot is None else {**slot, "Events": shorten(slot["Events"])}
        for slot in body["Events"]
    ]
    return {**body, "Events": shorten(slots)}


def leaves(decoded: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the messages of a ``decoded`` entry, without the layers around them."""
    if "parts" in decoded:
        for part in decoded["parts"]:
            yield from leaves(part)
    elif decoded.get("encrypted") or decoded.get("type") in ("hasCrc", "compress", "encrypt"):
        yield from leaves(decoded["inner"])
    else:
        yield decoded
