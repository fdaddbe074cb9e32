"""Bytes as an enemy would send them: vectors of real agents, changed at random."""

from random import Random

from support.serf_vectors import load


def datagrams(*, sealed: bool) -> list[bytes]:
    """Return captured datagrams, those that were sealed without their seal unless ``sealed``."""
    vectors = load("udp")
    if sealed:
        return [bytes.fromhex(v["hex"]) for v in vectors if "key_hex" in v]
    return [bytes.fromhex(v["decoded"].get("plain_hex", v["hex"])) for v in vectors]


def streams(*, sealed: bool) -> list[bytes]:
    """Return captured streams, one direction each, as ``datagrams`` does."""
    vectors = load("tcp")
    if sealed:
        return [bytes.fromhex(v["hex"]) for v in vectors if "key_hex" in v]
    return [
        bytes.fromhex(v["decoded"]["plain_hex"] if "key_hex" in v else v["hex"]) for v in vectors
    ]


def mutate(data: bytes, rng: Random, others: list[bytes]) -> bytes:
    """Return ``data`` with one to six changes: bytes set, cut, repeated, put in, spliced, enlarged."""
    changed = bytearray(data)
    for _ in range(rng.randint(1, 6)):
        at = rng.randrange(len(changed) + 1)
        match rng.randrange(7):
            case 0:
                changed[at : at + 1] = rng.randbytes(1)
            case 1:
                del changed[at : at + rng.randint(1, 40)]
            case 2:
                changed[at:at] = changed[at : at + rng.randint(1, 40)]
            case 3:
                changed[at:at] = rng.randbytes(rng.randint(1, 6))
            case 4:
                other = rng.choice(others)
                start = rng.randrange(len(other) + 1)
                changed[at:] = other[start:]
            case 5:  # the largest lengths of MessagePack, where a length may stand
                changed[at : at + 1] = rng.choice(LENGTHS)
            case _:
                changed[at : at + 1] = bytes((rng.choice(EDGES),))
    return bytes(changed)


LENGTHS = (
    b"\xdb\xff\xff\xff\xff", b"\xdd\xff\xff\xff\xff", b"\xdf\xff\xff\xff\xff", b"\xda\xff\xff",
    b"\xdc\xff\xff", b"\xde\xff\xff", b"\xcf\xff\xff\xff\xff\xff\xff\xff\xff", b"\xdd\x00\x01\x00\x00",
)  # fmt: skip
EDGES = (0x00, 0x01, 0x07, 0x09, 0x0A, 0x0C, 0x7F, 0x80, 0x90, 0xA0, 0xC0, 0xC1, 0xD9, 0xE0, 0xFF)
