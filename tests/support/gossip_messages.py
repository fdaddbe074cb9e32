"""Hypothesis strategies for the messages of gossip, within what their fields can hold."""

from hypothesis import strategies as st

from colobus.cluster.coordinates import Coordinate
from colobus.cluster.messages import (
    Ack,
    Alive,
    ConflictResponse,
    Dead,
    ErrorMessage,
    EventSlot,
    IndirectPing,
    JoinIntent,
    KeyRequest,
    KeyResponse,
    LeaveIntent,
    MemberRecord,
    Message,
    Nack,
    NodeRecord,
    Ping,
    PushPull,
    Query,
    QueryResponse,
    RecordedEvent,
    Relay,
    SerfMessage,
    SerfState,
    StreamMessage,
    Suspect,
    UserEvent,
    UserMessage,
)

# Bytes that are no UTF-8 come as surrogate escapes, so those are names as well.
names = st.text(max_size=12) | st.binary(max_size=4).map(
    lambda raw: raw.decode("utf-8", errors="surrogateescape")
)
addresses = st.sampled_from([0, 4, 16]).flatmap(
    lambda size: st.binary(min_size=size, max_size=size)
)
payloads = st.binary(max_size=64)
versions = st.sampled_from([0, 6]).flatmap(lambda size: st.binary(min_size=size, max_size=size))
u8, u16 = st.integers(0, 0xFF), st.integers(0, 0xFFFF)
u32, u64 = st.integers(0, 0xFFFFFFFF), st.integers(0, (1 << 64) - 1)

pings = st.builds(Ping, u32, names, addresses, u16, names)
acks = st.builds(Ack, u32, payloads)
errors = st.builds(ErrorMessage, names)
user_messages = st.builds(UserMessage, payloads)
datagram_messages: st.SearchStrategy[Message] = st.one_of(
    pings,
    st.builds(IndirectPing, u32, addresses, u16, names, st.booleans(), addresses, u16, names),
    acks,
    st.builds(Nack, u32),
    st.builds(Suspect, u32, names, names),
    st.builds(Alive, u32, names, addresses, u16, payloads, versions),
    st.builds(Dead, u32, names, names),
    user_messages,
)
messages = datagram_messages | errors
node_records = st.builds(
    NodeRecord, names, addresses, u16, payloads, u32, st.integers(0, 9), versions
)
push_pulls = st.builds(
    PushPull, st.lists(node_records, max_size=4).map(tuple), st.booleans(), payloads
)
stream_messages: st.SearchStrategy[StreamMessage] = st.one_of(
    pings, acks, push_pulls, user_messages, errors
)

recorded_events = st.builds(RecordedEvent, names, payloads)
slots = st.none() | st.builds(EventSlot, u64, st.lists(recorded_events, max_size=3).map(tuple))
members = st.builds(
    MemberRecord,
    *(names, addresses, u16, st.dictionaries(names, names, max_size=3), u8),
    *(u8, u8, u8, u8, u8, u8),
)
serf_messages: st.SearchStrategy[SerfMessage] = st.one_of(
    st.builds(LeaveIntent, u64, names, st.booleans()),
    st.builds(JoinIntent, u64, names),
    st.builds(
        SerfState,
        u64,
        st.dictionaries(names, u64, max_size=4),
        st.lists(names, max_size=3).map(tuple),
        u64,
        st.lists(slots, max_size=5).map(tuple),
        u64,
    ),
    st.builds(UserEvent, u64, names, payloads, st.booleans()),
    st.builds(
        Query,
        *(u64, u32, addresses, u16, names, payloads, names),
        *(st.lists(payloads, max_size=3).map(tuple), u32, u8),
        st.integers(-(1 << 63), (1 << 63) - 1),
    ),
    st.builds(QueryResponse, u64, u32, names, u32, payloads),
    st.builds(ConflictResponse, st.none() | members),
    st.builds(KeyRequest, payloads),
    st.builds(KeyResponse, st.booleans(), names, st.lists(names, max_size=3).map(tuple), names),
    st.builds(Relay, names, addresses, u16, payloads, names),
)
coordinates = st.builds(
    Coordinate,
    st.lists(st.floats(allow_nan=False), max_size=9).map(tuple),
    *(st.floats(allow_nan=False), st.floats(allow_nan=False), st.floats(allow_nan=False)),
)
