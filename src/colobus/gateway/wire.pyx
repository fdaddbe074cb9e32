# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: initializedcheck=False
"""HTTP/1 heads, compiled: the twin of ``wire.py``, which states the rules and documents the names.

Works on the bytes where they lie. The first pass finds the end of the head, checks characters and
takes the measures; the second reads the lines and copies those to pass on. Rare things are left
to Python objects.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.mem cimport PyMem_Realloc
from libc.string cimport memchr, memcmp, memcpy

from colobus.errors import ProtocolError

__all__ = [
    "BUILD",
    "Head",
    "HeadLimits",
    "RequestHead",
    "ResponseHead",
    "drop_lines",
    "find",
    "find_all",
    "find_byte",
    "length_line",
    "line_of",
    "names_and_values",
    "parse_request",
    "parse_response",
    "remove",
    "remove_all",
]

BUILD = "compiled"

cdef enum:
    TAB = 9
    LF = 10
    CR = 13
    SPACE = 32
    ZERO = 48
    NINE = 57
    COLON = 58
    MAX_LENGTH_DIGITS = 18

# What a header line means to the gateway, by its name. From HOST on: requests only.
cdef enum Kind:
    PASSED_ON
    LEFT_OUT
    CONNECTION
    CONTENT_LENGTH
    TRANSFER_ENCODING
    UPGRADE
    HOST
    FORWARDED_FOR
    FORWARDED_PROTO
    EXPECT

cdef char TOKEN[256]
cdef char HOST_TEXT[256]
cdef char LOWER[256]


cdef int fill(char *table, bytes allowed) except -1:
    cdef int code
    for code in range(256):
        table[code] = code in allowed
    return 0


cdef int fill_lower() except -1:
    cdef int code
    for code in range(256):
        LOWER[code] = <char>(code + 32 if 65 <= code <= 90 else code)
    return 0


fill(TOKEN, b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+-.^_`|~")
fill(HOST_TEXT,
     b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~!$&'()*+,;=%:[]")
fill_lower()

cdef frozenset PROTECTED = frozenset((
    b"host", b"content-length", b"transfer-encoding", b"content-type", b"content-encoding",
    b"content-range", b"cache-control", b"date",
))

# Where the lines to pass on are collected, as large as the largest head so far. The interpreter's
# lock is never given up between the first copy and the last.
cdef char *scratch = NULL
cdef Py_ssize_t scratch_size = 0


cdef tuple limits_key(HeadLimits limits):
    return limits.request_line, limits.header_line, limits.head, limits.header_count


cdef class HeadLimits:
    def __init__(self, Py_ssize_t request_line=8192, Py_ssize_t header_line=8192,
                 Py_ssize_t head=32768, Py_ssize_t header_count=100):
        self.request_line = request_line
        self.header_line = header_line
        self.head = head
        self.header_count = header_count

    def __eq__(self, other):
        if not isinstance(other, HeadLimits):
            return NotImplemented
        return limits_key(self) == limits_key(other)

    def __hash__(self):
        return hash(limits_key(self))

    def __repr__(self):
        return ("HeadLimits(request_line=%d, header_line=%d, head=%d, header_count=%d)"
                % limits_key(self))


cdef class Head:
    def __cinit__(self):
        self.lines = b""
        self.content_length = -1
        self.keep_alive = True


cdef class RequestHead(Head):
    def __cinit__(self):
        self.method = b""
        self.target = b""

    def __repr__(self):
        return f"<RequestHead {self.method!r}, {self.size} bytes>"


cdef class ResponseHead(Head):
    def __cinit__(self):
        self.reason = b""

    def __repr__(self):
        return f"<ResponseHead {self.status}, {self.size} bytes>"


# What the first pass finds. Sizes are bytes without CRLF.
cdef struct Shape:
    Py_ssize_t end       # offset after the blank line
    Py_ssize_t first     # size of the request or status line
    Py_ssize_t count     # header lines
    Py_ssize_t longest   # size of the longest of them


# What Connection lines say about the connection itself.
cdef struct Wish:
    bint close
    bint keep_alive


cdef inline bytes span(const char *text, Py_ssize_t start, Py_ssize_t end):
    return PyBytes_FromStringAndSize(text + start, end - start)


cdef inline bytes joined(bytes known, bytes separator, bytes value):
    return value if known is None else known + separator + value


cdef inline bint same_word(const char *text, const char *word, Py_ssize_t size) noexcept nogil:
    """Compare with a lower-case word, without letter case."""
    cdef Py_ssize_t at
    for at in range(size):
        if LOWER[<unsigned char>text[at]] != word[at]:
            return False
    return True


cdef inline bint all_in(const char *table, const char *text, Py_ssize_t start,
                        Py_ssize_t end) noexcept nogil:
    cdef Py_ssize_t at
    for at in range(start, end):
        if not table[<unsigned char>text[at]]:
            return False
    return True


cdef inline bint is_text(const char *text, Py_ssize_t start, Py_ssize_t end) noexcept nogil:
    """Say whether there is no control character but HTAB; without branches, to be vectorised."""
    cdef Py_ssize_t at
    cdef unsigned char code
    cdef unsigned char bad = 0
    for at in range(start, end):
        code = <unsigned char>text[at]
        bad |= ((code < SPACE) & (code != TAB)) | (code == 127)
    return bad == 0


cdef inline Py_ssize_t line_end(const char *text, Py_ssize_t start, Py_ssize_t size) noexcept nogil:
    """Return the offset of the next CRLF, -1 when there is none."""
    cdef const char *found
    cdef Py_ssize_t at = start
    while at < size:
        found = <const char *>memchr(text + at, LF, size - at)
        if found == NULL:
            return -1
        at = found - text
        if at > start and text[at - 1] == CR:
            return at - 1
        at += 1
    return -1


cdef bytes trimmed(const char *text, Py_ssize_t start, Py_ssize_t end):
    while start < end and (text[start] == SPACE or text[start] == TAB):
        start += 1
    while end > start and (text[end - 1] == SPACE or text[end - 1] == TAB):
        end -= 1
    return span(text, start, end)


cdef inline Kind common_kind(const char *name, Py_ssize_t size) noexcept nogil:
    if size == 10:
        if same_word(name, "connection", 10):
            return CONNECTION
        if same_word(name, "keep-alive", 10):
            return LEFT_OUT
    elif size == 14:
        if same_word(name, "content-length", 14):
            return CONTENT_LENGTH
    elif size == 17:
        if same_word(name, "transfer-encoding", 17):
            return TRANSFER_ENCODING
    elif size == 7:
        if same_word(name, "upgrade", 7):
            return UPGRADE
        if same_word(name, "trailer", 7):
            return LEFT_OUT
    elif size == 2:
        if same_word(name, "te", 2):
            return LEFT_OUT
    elif size == 16:
        if same_word(name, "proxy-connection", 16):
            return LEFT_OUT
    return PASSED_ON


cdef inline Kind request_kind(const char *name, Py_ssize_t size) noexcept nogil:
    if size == 4:
        if same_word(name, "host", 4):
            return HOST
    elif size == 6:
        if same_word(name, "expect", 6):
            return EXPECT
    elif size == 9:
        if same_word(name, "x-real-ip", 9):
            return LEFT_OUT
    elif size == 15:
        if same_word(name, "x-forwarded-for", 15):
            return FORWARDED_FOR
    elif size == 17 and same_word(name, "x-forwarded-proto", 17):
        return FORWARDED_PROTO
    return common_kind(name, size)


cdef inline Kind response_kind(const char *name, Py_ssize_t size) noexcept nogil:
    if size == 20:
        if same_word(name, "x-kong-proxy-latency", 20):
            return LEFT_OUT
    elif size == 23:
        if same_word(name, "x-kong-upstream-latency", 23):
            return LEFT_OUT
    return common_kind(name, size)


cdef bint measure(const char *text, Py_ssize_t start, Py_ssize_t size, HeadLimits limits,
                  Shape *shape) except -1:
    """Find the end of the head and check characters and limits; False while it is incomplete."""
    cdef Py_ssize_t window = min(size, limits.head)
    cdef Py_ssize_t at = start, end
    cdef const char *found
    shape.first = -1
    shape.count = shape.longest = 0
    while at < window:
        found = <const char *>memchr(text + at, LF, window - at)
        if found == NULL:
            break
        end = found - text - 1
        if end < at or text[end] != CR or not is_text(text, at, end):
            raise ProtocolError("control character in the head")
        if shape.first < 0:
            shape.first = end - at
            if end == at:
                raise ProtocolError("malformed request line")
        elif end == at:
            shape.end = end + 2
            if shape.first > limits.request_line:
                raise ProtocolError("request line too long", 414)
            return True
        else:
            shape.count += 1
            shape.longest = max(shape.longest, end - at)
        at = end + 2
    refuse_unfinished(text, at, size, window, limits)
    if shape.first < 0:
        shape.first = size - start - (size > start and text[size - 1] == CR)
    if shape.first > limits.request_line:
        raise ProtocolError("request line too long", 414)
    if size > limits.head:
        raise ProtocolError("head too large", 431)
    return False


cdef int refuse_unfinished(const char *text, Py_ssize_t at, Py_ssize_t size, Py_ssize_t window,
                           HeadLimits limits) except -1:
    """Refuse what no further byte can mend in the line that starts at ``at``."""
    if window > at and text[window - 1] == CR:
        window -= 1  # may be half a CRLF
    if not is_text(text, at, window):
        raise ProtocolError("control character in the head")
    return 0


cdef int check_lines(Shape *shape, HeadLimits limits) except -1:
    if shape.count > limits.header_count:
        raise ProtocolError("too many header lines", 431)
    if shape.longest > limits.header_line:
        raise ProtocolError("header line too long")
    return 0


cdef int read_request_line(const char *text, Py_ssize_t start, Py_ssize_t end,
                           RequestHead head) except -1:
    cdef const char *first = <const char *>memchr(text + start, SPACE, end - start)
    cdef const char *second = NULL
    cdef const char *stop = text + end
    if first != NULL:
        second = <const char *>memchr(first + 1, SPACE, stop - first - 1)
    if (
        second == NULL
        or first == text + start
        or second == first + 1
        or not all_in(TOKEN, text, start, first - text)
        or memchr(second + 1, SPACE, stop - second - 1) != NULL
        or memchr(text + start, TAB, end - start) != NULL
    ):
        raise ProtocolError("malformed request line")
    head.method = span(text, start, first - text)
    head.target = span(text, first + 1 - text, second - text)
    return read_version(second + 1, stop - second - 1, head)


cdef int read_version(const char *version, Py_ssize_t size, Head head) except -1:
    if size != 8 or memcmp(version, b"HTTP/", 5) != 0 or version[6] != c".":
        raise ProtocolError("malformed request line")
    if not ZERO <= version[5] <= NINE or not ZERO <= version[7] <= NINE:
        raise ProtocolError("malformed request line")
    if version[5] != c"1" or version[7] > c"1":
        raise ProtocolError("HTTP version not supported", 505)
    if version[7] == c"0":
        head.http10 = True
        head.keep_alive = False
    return 0


cdef int read_status_line(const char *text, Py_ssize_t end, ResponseHead head) except -1:
    if (
        end < 12
        or memcmp(text, b"HTTP/1.", 7) != 0
        or not ZERO <= text[7] <= NINE
        or text[8] != SPACE
        or not c"1" <= text[9] <= c"5"
        or not ZERO <= text[10] <= NINE
        or not ZERO <= text[11] <= NINE
        or (end > 12 and text[12] != SPACE)
    ):
        raise ProtocolError("malformed status line")
    head.status = (text[9] - ZERO) * 100 + (text[10] - ZERO) * 10 + text[11] - ZERO
    if end > 13:
        head.reason = span(text, 13, end)
    if text[7] == c"0":
        head.http10 = True
        head.keep_alive = False
    return 0


cdef int take_fields(const char *text, Py_ssize_t at, Py_ssize_t stop, Head head,
                     bint is_request) except -1:
    """Read the lines from ``at`` to the blank line at ``stop``."""
    cdef Py_ssize_t end, colon, run = at, used = 0
    cdef Kind kind
    cdef Wish wish
    wish.close = wish.keep_alive = False
    reserve(stop - at)
    while at < stop:
        end = <const char *>memchr(text + at, LF, stop - at) - text - 1
        colon = at
        while TOKEN[<unsigned char>text[colon]]:
            colon += 1
        if colon == at or text[colon] != COLON:
            raise ProtocolError("malformed header line")
        if is_request:
            kind = request_kind(text + at, colon - at)
        else:
            kind = response_kind(text + at, colon - at)
        if kind != PASSED_ON:
            memcpy(scratch + used, text + run, at - run)
            used += at - run
            run = end + 2
            if kind != LEFT_OUT:
                take_value(text, colon + 1, end, head, kind, &wish)
        at = end + 2
    if used == 0:
        head.lines = span(text, run, stop)
    else:
        memcpy(scratch + used, text + run, stop - run)
        head.lines = span(scratch, 0, used + stop - run)
    if wish.close:
        head.keep_alive = False
    elif wish.keep_alive:
        head.keep_alive = True
    return 0


cdef int reserve(Py_ssize_t size) except -1:
    """Make ``scratch`` large enough; the head limit bounds it."""
    global scratch, scratch_size
    cdef char *larger
    if size > scratch_size:
        larger = <char *>PyMem_Realloc(scratch, size)
        if larger == NULL:
            raise MemoryError
        scratch = larger
        scratch_size = size
    return 0


cdef int take_value(const char *text, Py_ssize_t start, Py_ssize_t end, Head head, Kind kind,
                    Wish *wish) except -1:
    while start < end and (text[start] == SPACE or text[start] == TAB):
        start += 1
    while end > start and (text[end - 1] == SPACE or text[end - 1] == TAB):
        end -= 1
    if kind >= HOST:
        return take_request_value(text, start, end, <RequestHead>head, kind)
    if kind == CONNECTION:
        return take_connection(text, start, end, head, wish)
    if kind == CONTENT_LENGTH:
        return take_length(text, start, end, head)
    if kind == TRANSFER_ENCODING:
        head.coding = joined(head.coding, b",", span(text, start, end))
    elif kind == UPGRADE:
        head.upgrade = joined(head.upgrade, b", ", span(text, start, end))
    return 0


cdef int take_request_value(const char *text, Py_ssize_t start, Py_ssize_t end, RequestHead head,
                            Kind kind) except -1:
    if kind == HOST:
        if head.host is not None:
            raise ProtocolError("repeated Host")
        if start == end or not all_in(HOST_TEXT, text, start, end):
            raise ProtocolError("invalid Host")
        head.host = span(text, start, end)
    elif kind == FORWARDED_FOR:
        head.forwarded_for = joined(head.forwarded_for, b", ", span(text, start, end))
    elif kind == FORWARDED_PROTO:
        head.forwarded_proto = span(text, start, end) if head.forwarded_proto is None else b""
    elif not head.http10 and end - start == 12 and same_word(text + start, "100-continue", 12):
        head.expect_continue = True
    return 0


cdef int take_length(const char *text, Py_ssize_t start, Py_ssize_t end, Head head) except -1:
    cdef long long length = 0
    if head.content_length >= 0:
        raise ProtocolError("repeated Content-Length")
    if start == end or end - start > MAX_LENGTH_DIGITS:
        raise ProtocolError("invalid Content-Length")
    while start < end:
        if not ZERO <= text[start] <= NINE:
            raise ProtocolError("invalid Content-Length")
        length = length * 10 + text[start] - ZERO
        start += 1
    head.content_length = length
    return 0


cdef int take_connection(const char *text, Py_ssize_t start, Py_ssize_t end, Head head,
                         Wish *wish) except -1:
    cdef bytes token
    if end - start == 10 and same_word(text + start, "keep-alive", 10):
        wish.keep_alive = True
        return 0
    for token in span(text, start, end).lower().split(b","):
        token = token.strip(b" \t")
        if token == b"close":
            wish.close = True
        elif token == b"keep-alive":
            wish.keep_alive = True
        elif token:
            head.connection = joined(head.connection, b",", token)
    return 0


cdef int settle_framing(Head head) except -1:
    if head.coding is None:
        return 0
    if head.content_length >= 0:
        raise ProtocolError("Content-Length with Transfer-Encoding")
    if head.http10:
        raise ProtocolError("Transfer-Encoding in HTTP/1.0")
    if head.coding.lower() != b"chunked":
        raise ProtocolError("transfer coding not supported", 501)
    head.chunked = True
    return 0


cpdef RequestHead parse_request(bytes data, HeadLimits limits):
    """See ``wire.py``."""
    cdef const char *text
    cdef Py_ssize_t size, start
    cdef Shape shape
    cdef RequestHead head
    if data is None or limits is None:
        raise TypeError("bytes and HeadLimits expected")
    text = PyBytes_AS_STRING(data)
    size = PyBytes_GET_SIZE(data)
    start = 2 if size >= 2 and text[0] == CR and text[1] == LF else 0
    if not measure(text, start, size, limits, &shape):
        return None
    head = RequestHead.__new__(RequestHead)
    head.start = start
    head.size = shape.end
    read_request_line(text, start, start + shape.first, head)
    check_lines(&shape, limits)
    take_fields(text, start + shape.first + 2, shape.end - 2, head, True)
    if head.host is None and not head.http10:
        raise ProtocolError("missing Host")
    settle_framing(head)
    return head


cpdef ResponseHead parse_response(bytes data, HeadLimits limits):
    """See ``wire.py``."""
    if data is None or limits is None:
        raise TypeError("bytes and HeadLimits expected")
    try:
        return read_response(data, limits)
    except ProtocolError as error:
        error.status = 502
        raise


cdef ResponseHead read_response(bytes data, HeadLimits limits):
    cdef const char *text = PyBytes_AS_STRING(data)
    cdef Shape shape
    cdef ResponseHead head
    if not measure(text, 0, PyBytes_GET_SIZE(data), limits, &shape):
        return None
    head = ResponseHead.__new__(ResponseHead)
    head.size = shape.end
    read_status_line(text, shape.first, head)
    check_lines(&shape, limits)
    take_fields(text, shape.first + 2, shape.end - 2, head, False)
    settle_framing(head)
    return head


cdef inline bint is_called(const char *text, Py_ssize_t at, Py_ssize_t end, bytes name) noexcept:
    """Say whether the line from ``at`` to ``end`` has this name (lower-case)."""
    cdef Py_ssize_t size = PyBytes_GET_SIZE(name)
    return (
        end - at > size
        and text[at + size] == COLON
        and same_word(text + at, PyBytes_AS_STRING(name), size)
    )


cpdef bytes find(bytes lines, bytes name):
    """See ``wire.py``."""
    cdef const char *text
    cdef Py_ssize_t size, end, at = 0
    if lines is None or name is None:
        raise TypeError("bytes expected")
    text = PyBytes_AS_STRING(lines)
    size = PyBytes_GET_SIZE(lines)
    while True:
        end = line_end(text, at, size)
        if end < 0:
            return None
        if is_called(text, at, end, name):
            return trimmed(text, at + PyBytes_GET_SIZE(name) + 1, end)
        at = end + 2


cpdef list find_all(bytes lines, bytes name):
    """See ``wire.py``."""
    cdef const char *text
    cdef Py_ssize_t size, end, at = 0
    cdef list values = []
    if lines is None or name is None:
        raise TypeError("bytes expected")
    text = PyBytes_AS_STRING(lines)
    size = PyBytes_GET_SIZE(lines)
    while True:
        end = line_end(text, at, size)
        if end < 0:
            return values
        if is_called(text, at, end, name):
            values.append(trimmed(text, at + PyBytes_GET_SIZE(name) + 1, end))
        at = end + 2


cpdef bytes remove(bytes lines, bytes name):
    """See ``wire.py``."""
    cdef const char *text
    cdef Py_ssize_t size, end, at = 0, run = 0, used = 0
    if lines is None or name is None:
        raise TypeError("bytes expected")
    text = PyBytes_AS_STRING(lines)
    size = PyBytes_GET_SIZE(lines)
    reserve(size)
    while True:
        end = line_end(text, at, size)
        if end < 0:
            break
        if is_called(text, at, end, name):
            memcpy(scratch + used, text + run, at - run)
            used += at - run
            run = end + 2
        at = end + 2
    if run == 0:
        return lines
    memcpy(scratch + used, text + run, size - run)
    return span(scratch, 0, used + size - run)


cpdef bytes remove_all(bytes lines, tuple names):
    """See ``wire.py``."""
    cdef const char *text
    cdef Py_ssize_t size, end, at = 0, run = 0, used = 0
    cdef bytes name
    if lines is None or names is None:
        raise TypeError("bytes and names expected")
    text = PyBytes_AS_STRING(lines)
    size = PyBytes_GET_SIZE(lines)
    reserve(size)
    while True:
        end = line_end(text, at, size)
        if end < 0:
            break
        for name in names:
            if is_called(text, at, end, name):
                memcpy(scratch + used, text + run, at - run)
                used += at - run
                run = end + 2
                break
        at = end + 2
    if run == 0:
        return lines
    memcpy(scratch + used, text + run, size - run)
    return span(scratch, 0, used + size - run)


cpdef bytes length_line(long long length):
    """See ``wire.py``."""
    cdef char digits[20]
    cdef int at = 20
    cdef bytes made
    cdef char *line
    if length < 0:
        raise ValueError("a length is not negative")
    while True:
        at -= 1
        digits[at] = <char>(ZERO + length % 10)
        length //= 10
        if length == 0:
            break
    made = PyBytes_FromStringAndSize(NULL, 16 + 20 - at + 2)
    line = PyBytes_AS_STRING(made)
    memcpy(line, b"Content-Length: ", 16)
    memcpy(line + 16, digits + at, 20 - at)
    line[36 - at] = CR
    line[37 - at] = LF
    return made


cpdef Py_ssize_t find_byte(bytes data, int code, Py_ssize_t start) except -2:
    """See ``wire.py``."""
    cdef const char *text
    cdef const char *found
    if data is None:
        raise TypeError("bytes expected")
    if not 0 <= start <= PyBytes_GET_SIZE(data):
        return -1
    text = PyBytes_AS_STRING(data)
    found = <const char *>memchr(text + start, code, PyBytes_GET_SIZE(data) - start)
    return -1 if found == NULL else found - text


cpdef bytes line_of(bytes start, bytes value):
    """See ``wire.py``."""
    cdef const char *text
    cdef char *line
    cdef Py_ssize_t first = 0, size, at, lead
    cdef unsigned char code
    cdef bytes made
    if start is None or value is None:
        raise TypeError("bytes expected")
    text = PyBytes_AS_STRING(value)
    size = PyBytes_GET_SIZE(value)
    while first < size and is_blank(text[first]):
        first += 1
    while size > first and is_blank(text[size - 1]):
        size -= 1
    lead = PyBytes_GET_SIZE(start)
    made = PyBytes_FromStringAndSize(NULL, lead + size - first + 2)
    line = PyBytes_AS_STRING(made)
    memcpy(line, PyBytes_AS_STRING(start), lead)
    line += lead
    for at in range(first, size):
        code = <unsigned char>text[at]
        line[at - first] = SPACE if is_control(code) else code
    line[size - first] = CR
    line[size - first + 1] = LF
    return made


cdef inline bint is_control(unsigned char code) noexcept nogil:
    """Say whether a field value must not hold it (RFC 9110 section 5.5)."""
    return (code < SPACE and code != TAB) or code == 127


cdef inline bint is_blank(unsigned char code) noexcept nogil:
    """Say whether it is white space, or becomes a space."""
    return code == SPACE or code == TAB or is_control(code)


cpdef bytes drop_lines(bytes lines, bytes names):
    """See ``wire.py``."""
    cdef set unwanted = set(names.split(b",")) - PROTECTED
    cdef bytes name
    for name in unwanted:
        lines = remove(lines, name)
    return lines


cpdef list names_and_values(bytes lines):
    """See ``wire.py``."""
    cdef const char *text
    cdef Py_ssize_t size, end, colon, at = 0
    cdef list pairs = []
    if lines is None:
        raise TypeError("bytes expected")
    text = PyBytes_AS_STRING(lines)
    size = PyBytes_GET_SIZE(lines)
    while True:
        end = line_end(text, at, size)
        if end < 0:
            return pairs
        colon = at
        while colon < end and text[colon] != COLON:
            colon += 1
        pairs.append((span(text, at, colon), trimmed(text, colon + 1, end)))
        at = end + 2
