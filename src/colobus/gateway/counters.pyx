"""The compiled twin of counters.py: the same table, its buckets locked in the memory itself.

A lock is taken by one atomic instruction instead of a system call. It holds the process id of its
owner, so that one that died inside is noticed, and what it locked taken over.
"""

import mmap
import os

from colobus.gateway import counter_layout
from colobus.gateway.counter_layout import create_memory, locate, read_header, window_name

from cpython.buffer cimport PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.errno cimport ESRCH, errno
from libc.math cimport INFINITY
from libc.stdint cimport int64_t
from libc.string cimport memcmp, memcpy
from posix.signal cimport kill
from posix.unistd cimport usleep

__all__ = ["SharedCounters"]

cdef extern from "<sched.h>" nogil:
    int sched_yield()

cdef extern from *:
    """
    static int exchange(int64_t *lock, int64_t expected, int64_t wanted) {
        return __atomic_compare_exchange_n(lock, &expected, wanted, 0, __ATOMIC_ACQ_REL,
                                           __ATOMIC_RELAXED);
    }
    static int64_t owner_of(int64_t *lock) { return __atomic_load_n(lock, __ATOMIC_RELAXED); }
    /* What is written before it is in memory before what comes after it, should we die. */
    static void settle(void) { __atomic_thread_fence(__ATOMIC_RELEASE); }
    """
    bint exchange(int64_t *lock, int64_t expected, int64_t wanted) nogil
    int64_t owner_of(int64_t *lock) nogil
    void settle() nogil

cdef int64_t most = counter_layout.MOST

cdef enum:
    PLACES = 64
    NAME_BYTES = 16
    HALF_NAME = 8
    COUNTS_OFFSET = PLACES * NAME_BYTES
    ENDS_OFFSET = COUNTS_OFFSET + PLACES * 8
    LOCK_OFFSET = ENDS_OFFSET + PLACES * 8

if (
    PLACES != counter_layout.PLACES
    or NAME_BYTES != counter_layout.NAME_BYTES
    or LOCK_OFFSET != counter_layout.LOCK_OFFSET
):
    raise ImportError("counters.pyx and counter_layout.py disagree")

# See counters.py.
GROUPS_KEPT = 4096
WINDOW_NAMES_KEPT = 256
MOST = counter_layout.MOST
LOCK_YIELDS = 50
LOCK_NAPS = 400
LOCK_NAP_US = 500


cdef class SharedCounters:
    """See ``counters.py``."""

    def __init__(self, fd):
        self._buckets = read_header(fd, counter_layout.PID_LOCK)
        self._fd = fd
        self._memory = mmap.mmap(fd, 0)
        PyObject_GetBuffer(self._memory, &self._view, PyBUF_WRITABLE)
        self._start = <char *>self._view.buf
        self._process_id = os.getpid()
        self._groups = {}
        self._window_names = {}
        self.lock_timeouts = 0

    def __dealloc__(self):
        if self._start != NULL:
            PyBuffer_Release(&self._view)

    @classmethod
    def create(cls, size_bytes):
        """See ``counters.py``."""
        return cls(create_memory(size_bytes, counter_layout.PID_LOCK))

    @classmethod
    def attach(cls, fd):
        """See ``counters.py``."""
        return cls(fd)

    def fileno(self):
        """See ``counters.py``."""
        return self._fd

    def close(self):
        """See ``counters.py``."""
        if self._start != NULL:
            self._start = NULL
            PyBuffer_Release(&self._view)
            self._memory.close()
            os.close(self._fd)

    cpdef list consume(self, str group, windows, double now):
        """See ``counters.py``."""
        return self._change(group, windows, 1, now, True)

    cpdef list read(self, str group, windows, double now):
        """See ``counters.py``."""
        return self._change(group, windows, 0, now, False)

    cpdef add(self, str group, windows, amount, double now):
        """See ``counters.py``."""
        self._change(group, windows, max(-MOST, min(amount, MOST)), now, False)

    cdef list _change(self, str group, windows, int64_t amount, double now, bint is_bound):
        """See ``counters.py``."""
        cdef char names[PLACES * NAME_BYTES]
        cdef double limits[PLACES]
        cdef double ends[PLACES]
        cdef int64_t before[PLACES]
        cdef Py_ssize_t number, size = len(windows)
        cdef tuple located = self._locate(group)
        cdef char *bucket = self._bucket(located[1])
        if size > PLACES:
            raise ValueError(f"a group has at most {PLACES} windows")
        for number in range(size):
            window = windows[number]
            write_name(names + number * NAME_BYTES, located[0], self._window_name(window.key))
            limits[number] = as_double(window.limit)
            ends[number] = window.ends_at
        self._lock_bucket(bucket)
        count_up(bucket, size, names, limits, ends, before, amount, now, is_bound)
        self._unlock_bucket(bucket)
        return [before[number] for number in range(size)]

    cpdef count(self, str group, str key, double now):
        """See ``counters.py``."""
        cdef char name[NAME_BYTES]
        cdef tuple located = self._locate(group)
        cdef char *bucket = self._bucket(located[1])
        cdef int64_t count = -1
        cdef Py_ssize_t place
        write_name(name, located[0], self._window_name(key))
        self._lock_bucket(bucket)
        place = find(bucket, name)
        if place >= 0 and ends_of(bucket)[place] > now:
            count = counts_of(bucket)[place]
        self._unlock_bucket(bucket)
        return None if count < 0 else count

    cpdef tuple _locate(self, str group):
        cdef tuple located = <tuple>self._groups.get(group)
        if located is None:
            if len(self._groups) >= GROUPS_KEPT:
                self._groups.clear()
            located = self._groups[group] = locate(group, self._buckets)
        return located

    cdef bytes _window_name(self, str key):
        cdef bytes name = <bytes>self._window_names.get(key)
        if name is None:
            if len(self._window_names) >= WINDOW_NAMES_KEPT:
                self._window_names.clear()
            name = self._window_names[key] = window_name(key)
        return name

    cdef char *_bucket(self, Py_ssize_t start) except NULL:
        if self._start == NULL:
            raise ValueError("the shared counters are closed")
        return self._start + start

    def _lock(self, start):
        """Lock the bucket at ``start``."""
        self._lock_bucket(self._bucket(start))

    def _find(self, bytes name, start):
        """Return where the count of ``name`` is, counted in int64; None when it is nowhere."""
        cdef Py_ssize_t place = find(self._bucket(start), PyBytes_AS_STRING(name))
        return None if place < 0 else (start + COUNTS_OFFSET) // 8 + place

    cdef int _lock_bucket(self, char *bucket) except -1:
        if not exchange(lock_of(bucket), 0, self._process_id):
            self._wait(lock_of(bucket))
        return 0

    cdef int _wait(self, int64_t *lock) except -1:
        """Wait for a lock for a bounded time; then use the bucket in any case."""
        cdef int attempt, yields = LOCK_YIELDS, attempts = LOCK_YIELDS + LOCK_NAPS
        cdef int64_t owner
        for attempt in range(attempts):
            owner = owner_of(lock)
            if is_free(owner, self._process_id) and exchange(lock, owner, self._process_id):
                return 0
            if attempt < yields:
                sched_yield()
            else:
                usleep(LOCK_NAP_US)
        self.lock_timeouts += 1
        # Whoever was stopped inside finds, when it goes on, that the lock is not its own.
        exchange(lock, owner_of(lock), self._process_id)
        return 0

    cdef void _unlock_bucket(self, char *bucket) noexcept:
        exchange(lock_of(bucket), self._process_id, 0)


cdef inline double as_double(limit) except? -1.0:
    try:
        return limit
    except OverflowError:
        return INFINITY


cdef inline bint is_free(int64_t owner, int64_t process_id) noexcept nogil:
    """Say whether the lock is free, or its owner dead; one with our own number must be."""
    return owner == 0 or owner == process_id or (kill(owner, 0) == -1 and errno == ESRCH)


cdef inline int64_t *counts_of(char *bucket) noexcept nogil:
    return <int64_t *>(bucket + COUNTS_OFFSET)


cdef inline double *ends_of(char *bucket) noexcept nogil:
    return <double *>(bucket + ENDS_OFFSET)


cdef inline int64_t *lock_of(char *bucket) noexcept nogil:
    return <int64_t *>(bucket + LOCK_OFFSET)


cdef int write_name(char *name, bytes group_name, bytes window_name) except -1:
    """Write the name of a counter: the group's part and the window's part."""
    if PyBytes_GET_SIZE(group_name) != HALF_NAME or PyBytes_GET_SIZE(window_name) != HALF_NAME:
        raise ValueError("a name has two parts of 8 bytes")
    memcpy(name, PyBytes_AS_STRING(group_name), HALF_NAME)
    memcpy(name + HALF_NAME, PyBytes_AS_STRING(window_name), HALF_NAME)
    return 0


cdef Py_ssize_t find(char *bucket, const char *name) noexcept nogil:
    """Return the place of a counter, -1 when it has none."""
    cdef Py_ssize_t place
    for place in range(PLACES):
        if memcmp(bucket + place * NAME_BYTES, name, NAME_BYTES) == 0:
            return place
    return -1


cdef void count_up(char *bucket, Py_ssize_t size, const char *names, const double *limits,
                   const double *ends_at, int64_t *before, int64_t amount, double now,
                   bint is_bound) noexcept nogil:
    """Add to every window, if bound only when all are open; ``before`` gets the counts before.

    Locked.
    """
    cdef int64_t count
    cdef Py_ssize_t places[PLACES]
    cdef Py_ssize_t number, place
    cdef int64_t *counts = counts_of(bucket)
    cdef double *ends = ends_of(bucket)
    cdef bint is_open = True
    for number in range(size):
        place = places[number] = find(bucket, names + number * NAME_BYTES)
        before[number] = counts[place] if place >= 0 and ends[place] > now else 0
        if is_bound and before[number] >= limits[number]:
            is_open = False
    if not is_open or amount == 0:
        return
    for number in range(size):
        if places[number] < 0:
            places[number] = take_place(bucket, names + number * NAME_BYTES, places, size)
        # The end is written last: a place without its right end is an expired one.
        count = before[number] + amount
        counts[places[number]] = 0 if count < 0 else most if count > most else count
        settle()
        ends[places[number]] = ends_at[number]


cdef Py_ssize_t take_place(char *bucket, const char *name, const Py_ssize_t *taken,
                           Py_ssize_t size) noexcept nogil:
    """Name the place of the counter that ends soonest, of none of ``taken``; return it."""
    cdef double *ends = ends_of(bucket)
    cdef Py_ssize_t place, number, soonest = -1
    cdef bint is_taken
    for place in range(PLACES):
        if soonest >= 0 and ends[place] >= ends[soonest]:
            continue
        is_taken = False
        for number in range(size):
            is_taken |= taken[number] == place
        if not is_taken:
            soonest = place
    ends[soonest] = 0
    settle()
    memcpy(bucket + soonest * NAME_BYTES, name, NAME_BYTES)
    settle()
    return soonest
