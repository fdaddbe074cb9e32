# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: initializedcheck=False
"""The event loop, compiled: the twin of ``loop.py``, which states the rules and documents the names.

Sockets are plain descriptors here: accept, connect, receive and send are system calls without a
Python object in between. Everything a callback may rely on is the same.
"""

import logging
import os
import select
import socket

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.errno cimport EAGAIN, ECONNABORTED, EINPROGRESS, EINTR, errno
from libc.math cimport INFINITY, ceil
from libc.stdint cimport uint16_t, uint32_t
from libc.string cimport memset

from colobus.gateway.timers import Timers

__all__ = ["BUILD", "Connecting", "Listener", "Loop", "Protocol", "Transport"]

BUILD = "compiled"

cdef extern from "<sys/epoll.h>" nogil:
    ctypedef union epoll_data_t:
        int fd
    struct epoll_event:
        uint32_t events
        epoll_data_t data
    enum:
        EPOLL_CTL_ADD
        EPOLL_CTL_DEL
        EPOLL_CTL_MOD
        EPOLLIN
        EPOLLOUT
        EPOLLERR
        EPOLLHUP
        EPOLLRDHUP
    int epoll_ctl(int epfd, int op, int fd, epoll_event *event)
    int epoll_wait(int epfd, epoll_event *events, int maxevents, int timeout)

cdef extern from "<sys/uio.h>" nogil:
    struct iovec:
        void *iov_base
        size_t iov_len

cdef extern from "<sys/socket.h>" nogil:
    ctypedef unsigned int socklen_t
    struct sockaddr:
        pass
    struct sockaddr_storage:
        uint16_t ss_family
    struct msghdr:
        iovec *msg_iov
        size_t msg_iovlen
    enum:
        AF_INET
        AF_INET6
        SOCK_STREAM
        SOCK_NONBLOCK
        SOCK_CLOEXEC
        SOL_SOCKET
        SO_ERROR
        SHUT_WR
        MSG_NOSIGNAL
    int c_accept4 "accept4"(int fd, sockaddr *address, socklen_t *length, int flags)
    int c_connect "connect"(int fd, const sockaddr *address, socklen_t length)
    int c_socket "socket"(int domain, int type, int protocol)
    int c_getsockname "getsockname"(int fd, sockaddr *address, socklen_t *length)
    int c_getsockopt "getsockopt"(int fd, int level, int name, void *value, socklen_t *length)
    int c_setsockopt "setsockopt"(int fd, int level, int name, const void *value, socklen_t length)
    int c_shutdown "shutdown"(int fd, int how)
    ssize_t c_recv "recv"(int fd, void *buffer, size_t size, int flags)
    ssize_t c_send "send"(int fd, const void *buffer, size_t size, int flags)
    ssize_t c_sendmsg "sendmsg"(int fd, const msghdr *message, int flags)

cdef extern from "<netinet/in.h>" nogil:
    struct in_addr:
        pass
    struct in6_addr:
        pass
    struct sockaddr_in:
        uint16_t sin_family
        uint16_t sin_port
        in_addr sin_addr
    struct sockaddr_in6:
        uint16_t sin6_family
        uint16_t sin6_port
        in6_addr sin6_addr
    enum:
        IPPROTO_TCP
    uint16_t htons(uint16_t port)
    uint16_t ntohs(uint16_t port)

cdef extern from "<netinet/tcp.h>" nogil:
    enum:
        TCP_NODELAY

cdef extern from "<arpa/inet.h>" nogil:
    const char *inet_ntop(int family, const void *source, char *text, socklen_t size)
    int inet_pton(int family, const char *text, void *target)

cdef extern from "<unistd.h>" nogil:
    int c_close "close"(int fd)

cdef enum:
    RECEIVE_BYTES = 65536
    MAX_EVENTS = 512
    ACCEPTS_PER_TURN = 16
    PIECES_PER_SEND = 64
    WRITE_HIGH_WATER = 262144
    ADDRESS_TEXT = 64

# <sys/epoll.h> writes these as enumerators beyond int, which Cython would truncate.
cdef uint32_t EXCLUSIVE = <uint32_t>1 << 28
cdef uint32_t EDGE_TRIGGERED = <uint32_t>1 << 31

cdef uint32_t ACCEPT = EPOLLIN | EXCLUSIVE
cdef uint32_t READ = EPOLLIN | EPOLLRDHUP | EDGE_TRIGGERED
cdef uint32_t READ_AND_WRITE = READ | EPOLLOUT

cdef enum:
    HANG_UP = EPOLLHUP | EPOLLERR
    END = EPOLLRDHUP | EPOLLHUP | EPOLLERR

cdef double ACCEPT_PAUSE_S = 1.0

# One thread, and what is received is copied into bytes before anything else runs.
cdef char received[RECEIVE_BYTES]

logger = logging.getLogger("colobus.gateway.loop")


cdef object os_error(int code):
    return OSError(code, os.strerror(code))


cdef tuple endpoint(sockaddr_storage *address):
    """Return host and port, without scope; a mapped IPv4 address as IPv4."""
    cdef char text[ADDRESS_TEXT]
    cdef sockaddr_in *v4
    cdef sockaddr_in6 *v6
    cdef str host
    if address.ss_family == AF_INET:
        v4 = <sockaddr_in *>address
        inet_ntop(AF_INET, &v4.sin_addr, text, ADDRESS_TEXT)
        return text.decode("ascii"), ntohs(v4.sin_port)
    if address.ss_family == AF_INET6:
        v6 = <sockaddr_in6 *>address
        inet_ntop(AF_INET6, &v6.sin6_addr, text, ADDRESS_TEXT)
        host = text.decode("ascii")
        if host.startswith("::ffff:") and "." in host:
            host = host[7:]
        return host, ntohs(v6.sin6_port)
    return "", 0


cdef int fill_address(tuple address, sockaddr_storage *target, socklen_t *length) except -1:
    """Write an IP address and port into ``target``; OSError when it is none."""
    cdef bytes host = address[0].partition("%")[0].encode("ascii")
    cdef sockaddr_in *v4 = <sockaddr_in *>target
    cdef sockaddr_in6 *v6 = <sockaddr_in6 *>target
    memset(target, 0, sizeof(sockaddr_storage))
    if b":" in host:
        v6.sin6_family = AF_INET6
        v6.sin6_port = htons(address[1])
        length[0] = sizeof(sockaddr_in6)
        if inet_pton(AF_INET6, host, &v6.sin6_addr) == 1:
            return AF_INET6
    else:
        v4.sin_family = AF_INET
        v4.sin_port = htons(address[1])
        length[0] = sizeof(sockaddr_in)
        if inet_pton(AF_INET, host, &v4.sin_addr) == 1:
            return AF_INET
    raise OSError(f"{address[0]} is not an IP address")


cdef int pending_error(int fd) noexcept:
    cdef int code = 0
    cdef socklen_t length = sizeof(int)
    c_getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &length)
    return code


cdef void no_delay(int fd) noexcept:
    cdef int on = 1
    c_setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(int))


cdef class Protocol:
    cpdef connection_made(self, Transport transport):
        pass

    cpdef data_received(self, bytes data):
        pass

    cpdef eof_received(self):
        pass

    cpdef connection_lost(self, error):
        pass

    cpdef pause_writing(self):
        pass

    cpdef resume_writing(self):
        pass


cdef class Handler:
    """What the loop's table holds for a descriptor."""

    cdef void on_event(self, uint32_t events) except *:
        pass

    cpdef fail(self):
        """Give up, because ``on_event`` raised or the loop closes."""

    cpdef bury(self):
        """Close the descriptor and tell the owner; called between two waits."""


cdef class Transport(Handler):
    """One TCP connection, made by the loop."""

    def __cinit__(self, Loop loop, int fd, Protocol protocol, tuple peer):
        self.loop = loop
        self.fd = fd
        self.protocol = protocol
        self.peer = peer
        self.out = []
        self.high = WRITE_HIGH_WATER
        self.reading = True
        self.writable = True

    cdef start(self):
        try:
            self.protocol.connection_made(self)
        except Exception:
            logger.exception("connection_made failed")
            self.fail()

    @property
    def local(self):
        """Address and port of this side; to be asked for first while the connection is open."""
        cdef sockaddr_storage address
        cdef socklen_t length = sizeof(sockaddr_storage)
        if self.local_address is None:
            if self.closed:
                return "", 0
            if c_getsockname(self.fd, <sockaddr *>&address, &length) < 0:
                raise os_error(errno)
            self.local_address = endpoint(&address)
        return self.local_address

    cpdef set_write_buffer_limit(self, Py_ssize_t high):
        """Pause the writer above ``high`` unsent bytes, resume it at a quarter of that."""
        self.high = high

    cpdef write(self, bytes data):
        """Send ``data``, at once as far as the kernel takes it."""
        cdef Py_ssize_t size = PyBytes_GET_SIZE(data)
        cdef ssize_t sent
        if not self.writable or size == 0:
            return
        if self.out:
            self.out.append(data)
            self.buffered += size
        else:
            sent = c_send(self.fd, PyBytes_AS_STRING(data), size, MSG_NOSIGNAL)
            if sent == size:
                return
            if sent < 0:
                if errno != EAGAIN and errno != EINTR:
                    self.break_off(os_error(errno))
                    return
                sent = 0
            self.out.append(data)
            self.skipped = sent
            self.buffered = size - sent
            self.watch_out()
        if self.buffered > self.high and not self.paused_writer:
            self.pause_writer()

    cpdef write_eof(self):
        """Shut the sending side once everything is sent; reading goes on."""
        if self.writable:
            self.writable = False
            if not self.out:
                self.shut()

    cpdef pause_reading(self):
        """Take no more from the kernel, so that the peer has to wait."""
        self.reading = False

    cpdef resume_reading(self):
        """Read again."""
        if not self.reading and not self.closing:
            self.reading = True
            if self.readable and not self.eof:
                self.read_again()

    cpdef close(self):
        """Send what is buffered, then end the connection."""
        if self.closing:
            return
        if not self.out or self.hung_up:
            self.kill(None)
            return
        self.closing = True
        self.reading = False
        self.writable = False

    cpdef abort(self):
        """End the connection now; what is buffered is lost."""
        self.kill(None)

    cpdef fail(self):
        self.kill(None)

    cdef void on_event(self, uint32_t events) except *:
        if events & EPOLLOUT and self.out:
            self.flush()
        if events == EPOLLOUT or self.closed:
            return
        self.readable = True
        if events & END:
            self.ending = True
            if events & HANG_UP:
                self.hung_up = True
        if self.reading and not self.eof:
            self.receive()
        elif events & HANG_UP:
            self.hang_up(events)

    cdef receive(self):
        cdef ssize_t size = c_recv(self.fd, received, RECEIVE_BYTES, 0)
        if size > 0:
            if size == RECEIVE_BYTES or self.ending:
                self.read_again()
            else:
                self.readable = False
            self.arrived(PyBytes_FromStringAndSize(received, size))
        elif size < 0:
            if errno == EAGAIN:
                self.readable = False
            elif errno == EINTR:
                self.read_again()
            else:
                self.kill(self.broken or os_error(errno))
        elif self.broken is not None:
            self.kill(self.broken)
        else:
            self.eof = True
            self.ended()
            if self.hung_up:
                self.kill(None)

    cdef read_again(self):
        if not self.queued:
            self.queued = True
            self.loop.unread.append(self)

    cdef receive_more(self):
        self.queued = False
        if self.reading and self.readable and not self.eof and not self.closed:
            self.receive()

    cdef arrived(self, bytes data):
        self.protocol.data_received(data)

    cdef ended(self):
        self.protocol.eof_received()

    cdef hang_up(self, uint32_t events):
        cdef int code
        if events & EPOLLERR or self.eof or self.closing or self.broken is not None:
            code = pending_error(self.fd)
            self.kill(os_error(code) if code else self.broken)

    cdef break_off(self, error):
        self.writable = False
        self.broken = error
        self.out.clear()
        self.buffered = 0
        self.skipped = 0
        if not self.reading or self.eof:
            self.kill(error)

    cdef flush(self):
        cdef iovec pieces[PIECES_PER_SEND]
        cdef msghdr message
        cdef Py_ssize_t count = 0, whole = 0, size
        cdef ssize_t sent
        cdef bytes piece
        cdef list out = self.out
        for piece in out:
            if count == PIECES_PER_SEND:
                break
            pieces[count].iov_base = PyBytes_AS_STRING(piece)
            pieces[count].iov_len = PyBytes_GET_SIZE(piece)
            count += 1
        pieces[0].iov_base = <char *>pieces[0].iov_base + self.skipped
        pieces[0].iov_len -= self.skipped
        memset(&message, 0, sizeof(msghdr))
        message.msg_iov = pieces
        message.msg_iovlen = count
        sent = c_sendmsg(self.fd, &message, MSG_NOSIGNAL)
        if sent < 0:
            if errno != EAGAIN and errno != EINTR:
                self.break_off(os_error(errno))
            return
        self.buffered -= sent
        sent += self.skipped
        while whole < len(out):
            size = PyBytes_GET_SIZE(<bytes>out[whole])
            if sent < size:
                break
            sent -= size
            whole += 1
        self.skipped = sent
        del out[:whole]
        if not out:
            self.drained()
        if self.paused_writer and self.buffered <= self.high // 4 and not self.closed:
            self.paused_writer = False
            self.protocol.resume_writing()

    cdef drained(self):
        if self.closing:
            self.kill(None)
            return
        if not self.writable:
            self.shut()

    cdef shut(self):
        if c_shutdown(self.fd, SHUT_WR) < 0:
            logger.debug("shutdown of %s:%d: %s", *self.peer, os.strerror(errno))

    cdef pause_writer(self):
        self.paused_writer = True
        try:
            self.protocol.pause_writing()
        except Exception:
            logger.exception("pause_writing failed")
            self.fail()

    cdef void watch_out(self) noexcept:
        cdef epoll_event event
        if not self.watches_out and not self.closed:
            self.watches_out = True
            event.events = READ_AND_WRITE
            event.data.fd = self.fd
            epoll_ctl(self.loop.epoll_fd, EPOLL_CTL_MOD, self.fd, &event)

    cdef kill(self, error):
        if self.closed:
            return
        self.closed = True
        self.closing = True
        self.writable = False
        self.out.clear()
        self.buffered = 0
        self.error = error
        self.loop.dead.append(self)

    cpdef bury(self):
        self.loop.forget(self.fd)
        c_close(self.fd)
        self.protocol.connection_lost(self.error)


cdef class Connecting(Handler):
    """A connection being made."""

    def __cinit__(self, Loop loop, tuple peer, Protocol protocol, failed):
        self.loop = loop
        self.peer = peer
        self.protocol = protocol
        self.failed = failed
        self.fd = -1

    cdef start(self, tuple address):
        cdef sockaddr_storage target
        cdef socklen_t length
        cdef int family
        try:
            family = fill_address(address, &target, &length)
            self.fd = c_socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)
            if self.fd < 0:
                raise os_error(errno)
            no_delay(self.fd)
            if c_connect(self.fd, <sockaddr *>&target, length) < 0 and errno != EINPROGRESS:
                raise os_error(errno)
            self.loop.register(self.fd, self, READ_AND_WRITE)
        except OSError as error:
            if self.fd >= 0:
                c_close(self.fd)  # never registered: no event can be on its way
                self.fd = -1
            reason = error
            self.loop.call_soon(lambda: self.give_up(reason))

    cpdef cancel(self):
        """Stop; nothing is called afterwards. No effect once it succeeded or failed."""
        if not self.settled:
            self.settled = True
            self.loop.dead.append(self)

    cpdef fail(self):
        self.cancel()

    cdef give_up(self, error):
        if not self.settled:
            self.cancel()
            self.failed(error)

    cdef void on_event(self, uint32_t events) except *:
        cdef int code
        cdef Transport transport
        if self.settled:
            return
        code = pending_error(self.fd)
        if code:
            self.give_up(os_error(code))
            return
        self.settled = True
        transport = Transport(self.loop, self.fd, self.protocol, self.peer)
        transport.watches_out = True
        self.loop.table[self.fd] = transport
        transport.start()
        if events != EPOLLOUT and not transport.closed:
            transport.on_event(events)

    cpdef bury(self):
        if self.fd >= 0:
            self.loop.forget(self.fd)
            c_close(self.fd)


cdef class Listener(Handler):
    """Accepts connections from a listening socket that somebody else owns."""

    def __cinit__(self, Loop loop, sock, factory, wrap):
        self.loop = loop
        self.sock = sock
        self.fd = sock.fileno()
        self.factory = factory
        self.wrap = wrap
        self.open = True

    cpdef close(self):
        """Accept no more; the socket stays open."""
        if not self.open:
            return
        self.open = False
        if self.pause is not None:
            self.pause.cancel()
        else:
            self.loop.unregister(self.fd)
        self.loop.forget(self.fd)

    cpdef fail(self):
        self.close()

    cdef void on_event(self, uint32_t events) except *:
        cdef sockaddr_storage address
        cdef socklen_t length
        cdef int accepted = 0, fd
        while accepted < ACCEPTS_PER_TURN and self.open:
            accepted += 1
            length = sizeof(sockaddr_storage)
            fd = c_accept4(
                self.fd, <sockaddr *>&address, &length, SOCK_NONBLOCK | SOCK_CLOEXEC
            )
            if fd >= 0:
                self.complained = False
                self.greet(fd, endpoint(&address))
            elif errno == EAGAIN:
                return
            elif errno != ECONNABORTED and errno != EINTR:
                self.pause_accepting(errno)
                return

    cdef greet(self, int fd, tuple peer):
        cdef Transport transport
        try:
            protocol = self.factory()
            if self.wrap is None:
                transport = Transport(self.loop, fd, protocol, peer)
            else:
                transport = self.wrap(self.loop, fd, protocol, peer)
        except Exception:
            logger.exception("no protocol for a new connection")
            c_close(fd)
            return
        self.loop.register(fd, transport, READ)
        transport.start()

    cdef pause_accepting(self, int code):
        if not self.complained:
            self.complained = True
            logger.error("accepting connections is paused: %s", os_error(code))
        self.loop.unregister(self.fd)
        self.pause = self.loop.timers.schedule(self.loop.now + ACCEPT_PAUSE_S, self.resume)

    cpdef resume(self):
        """Accept again."""
        self.pause = None
        self.loop.register(self.fd, self, ACCEPT)


cdef class Foreign(Handler):
    """Notes that somebody else's epoll descriptor is readable."""

    cdef Loop loop

    def __cinit__(self, Loop loop):
        self.loop = loop

    cdef void on_event(self, uint32_t events) except *:
        self.loop.foreign = True


cdef class Loop:
    """One epoll instance and what hangs on it."""

    def __init__(self, clock):
        self.clock = clock
        self.monotonic = clock.monotonic
        self.now = clock.monotonic()
        self.timers = Timers()
        self.epoll = select.epoll()
        self.epoll_fd = self.epoll.fileno()
        self.table = [None] * 1024
        self.unread = []
        self.dead = []
        self.soon = []

    def listen(self, sock, factory, wrap=None):
        """Accept from ``sock``, which is listening and non-blocking and stays the caller's."""
        # Linux hands the option on to accepted sockets: one call instead of one each.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        cdef Listener listener = Listener(self, sock, factory, wrap)
        self.register(listener.fd, listener, ACCEPT)
        return listener

    def connect(self, tuple address, Protocol protocol, failed):
        """Connect to an IP address and port."""
        host = address[0].partition("%")[0]
        if host.startswith("::ffff:") and "." in host:
            host = host[7:]
        cdef Connecting connecting = Connecting(self, (host, address[1]), protocol, failed)
        connecting.start(address)
        return connecting

    def watch(self, int fd):
        """Set ``foreign`` whenever ``fd`` is readable."""
        self.register(fd, Foreign(self), EPOLLIN)

    def unwatch(self, int fd):
        """Undo ``watch``."""
        if not self.epoll.closed:
            self.unregister(fd)
        self.forget(fd)

    cpdef call_soon(self, callback):
        """Call ``callback`` before the next wait."""
        self.soon.append(callback)

    cpdef turn(self, int timeout_ms):
        """Wait once, at most ``timeout_ms`` (-1: no limit) or until a timer is due; act on it."""
        cdef epoll_event events[MAX_EVENTS]
        cdef int count, number, wait
        cdef Handler handler
        self.run_soon()
        self.bury_dead()
        wait = self.wait_ms(timeout_ms)
        if wait == 0:
            count = epoll_wait(self.epoll_fd, events, MAX_EVENTS, 0)
        else:
            with nogil:
                count = epoll_wait(self.epoll_fd, events, MAX_EVENTS, wait)
        if count < 0 and errno != EINTR:
            raise os_error(errno)
        self.now = self.monotonic()
        self.turns += 1
        for number in range(count):
            handler = <Handler>self.table[events[number].data.fd]
            if handler is None:
                continue
            try:
                handler.on_event(events[number].events)
            except Exception:
                logger.exception("callback of a connection failed")
                handler.fail()
        if self.unread:
            self.read_unread()
        self.timers.run_due(self.now)
        self.bury_dead()

    def close(self):
        """Abort every connection, stop listening, and free the epoll descriptor."""
        for _ in range(2):  # what connection_lost connects to is given up by the second round
            for handler in list(self.table):
                if handler is not None:
                    (<Handler>handler).fail()
            self.bury_dead()
        self.soon.clear()
        self.unread.clear()
        self.epoll.close()

    cdef int wait_ms(self, int timeout_ms) except -2:
        cdef double deadline, until
        if timeout_ms == 0 or self.foreign or self.soon or self.dead or self.unread:
            return 0
        deadline = self.timers.next_deadline()
        if deadline == INFINITY:
            return timeout_ms if timeout_ms > 0 else -1
        until = ceil((deadline - self.now) * 1000)
        if until < 0:
            return 0
        if 0 < timeout_ms < until:
            return timeout_ms
        return <int>min(until, 2147483647.0)

    cdef run_soon(self):
        cdef list callbacks
        if self.soon:
            callbacks = self.soon
            self.soon = []
            for callback in callbacks:
                try:
                    callback()
                except Exception:
                    logger.exception("callback failed")

    cdef read_unread(self):
        cdef list unread = self.unread
        cdef Transport transport
        self.unread = []
        for transport in unread:
            try:
                transport.receive_more()
            except Exception:
                logger.exception("callback of a connection failed")
                transport.fail()

    cdef bury_dead(self):
        cdef list dead
        while self.dead:
            dead = self.dead
            self.dead = []
            for handler in dead:
                try:
                    (<Handler>handler).bury()
                except Exception:
                    logger.exception("connection_lost failed")

    cdef register(self, int fd, Handler handler, uint32_t mask):
        cdef epoll_event event
        if fd >= len(self.table):
            self.table.extend([None] * (fd + 1024 - len(self.table)))
        event.events = mask
        event.data.fd = fd
        if epoll_ctl(self.epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0:
            raise os_error(errno)
        self.table[fd] = handler

    cdef void unregister(self, int fd) noexcept:
        cdef epoll_event event
        epoll_ctl(self.epoll_fd, EPOLL_CTL_DEL, fd, &event)

    cdef void forget(self, int fd):
        self.table[fd] = None
