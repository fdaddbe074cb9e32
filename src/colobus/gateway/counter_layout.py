"""How shared counters lie in memory; the same for the compiled and the pure build.

The memory is a header and equal buckets. All counters of a group are in one bucket, which is
locked while they are read and changed. A bucket has 64 places, a place is the digest of a
counter's name, its count and the time it ends::

    bucket:  64 x name (16 bytes) │ 64 x count (int64) │ 64 x ends_at (float64, epoch seconds)
             │ lock (int64)

When every place of a bucket is taken, a new counter replaces the one that ends soonest, which is
an empty or expired one as long as there is any.

The header states how buckets are locked, for only processes that do it alike may share them:

* ``pid``, the compiled build: the lock is the process id of the owner, 0 when it is free, changed
  by compare-and-swap. A lock whose owner is dead is taken over.
* ``kernel``, the pure build: a record lock on the bucket's first byte; it falls with its owner.

Either way ``kill -9`` blocks nobody. Who dies inside loses at most the call it was about to count.
"""

import os
import struct
from hashlib import blake2b

from colobus.errors import NodeError

__all__ = [
    "BUCKET_BYTES",
    "COUNTS_OFFSET",
    "ENDS_OFFSET",
    "HEADER",
    "KERNEL_LOCK",
    "LOCK_OFFSET",
    "MOST",
    "NAME_BYTES",
    "PID_LOCK",
    "PLACES",
    "create_memory",
    "locate",
    "read_header",
    "window_name",
]

HEADER = struct.Struct("<8sQ8s40x")
"""Magic with the version of the layout, the number of buckets, and the kind of lock."""

MAGIC = b"COLCNT\x00\x02"
PID_LOCK = b"pid"
KERNEL_LOCK = b"kernel"

PLACES = 64
NAME_BYTES = 16
COUNTS_OFFSET = PLACES * NAME_BYTES
ENDS_OFFSET = COUNTS_OFFSET + PLACES * 8
LOCK_OFFSET = ENDS_OFFSET + PLACES * 8
MOST = (1 << 62) - 1
"""No count goes beyond it; the sum of two such still fits into 64 bits."""

BUCKET_BYTES = LOCK_OFFSET + 8


def create_memory(size_bytes: int, lock: bytes) -> int:
    """Make an empty table of at most ``size_bytes``; return its descriptor.

    Raises:
        ValueError: too small for one bucket.
    """
    buckets = (size_bytes - HEADER.size) // BUCKET_BYTES
    if buckets < 1:
        raise ValueError(f"{size_bytes} bytes cannot hold a bucket of {BUCKET_BYTES}")
    fd = os.memfd_create("colobus-counters")
    os.truncate(fd, HEADER.size + buckets * BUCKET_BYTES)
    os.pwrite(fd, HEADER.pack(MAGIC, buckets, lock), 0)
    return fd


def read_header(fd: int, lock: bytes) -> int:
    """Return the number of buckets of the table behind ``fd``.

    Raises:
        NodeError: made by a version with another layout, or by a build with another lock.
    """
    magic, buckets, used = HEADER.unpack(os.pread(fd, HEADER.size, 0))
    if magic != MAGIC or os.fstat(fd).st_size < HEADER.size + buckets * BUCKET_BYTES:
        raise NodeError("the shared counters have another layout than this version knows")
    if used.rstrip(b"\0") != lock:
        raise NodeError("compiled and pure processes cannot share counters: they lock differently")
    return int(buckets)


def locate(group: str, buckets: int) -> tuple[bytes, int]:
    """Return the group's part of its counters' names, and the offset of its bucket."""
    digest = blake2b(group.encode("utf-8", "surrogatepass"), digest_size=16).digest()
    bucket = int.from_bytes(digest[8:]) % buckets
    return digest[:8], HEADER.size + bucket * BUCKET_BYTES


def window_name(key: str) -> bytes:
    """Return the window's part of its counters' names."""
    return blake2b(key.encode("utf-8", "surrogatepass"), digest_size=8).digest()
