"""Key queries answered and asked (serf §9)."""

import base64

import pytest

from colobus.cluster.codec import serf as codec
from colobus.cluster.messages import KeyRequest, KeyResponse, Query, QueryResponse
from colobus.cluster.serf.facts import KeyOperationDone, KeyringChanged
from colobus.cluster.serf.keys import KeyOperation
from support.machine import OWN, PORT, MachineUnderTest, address_of

ONE, TWO = bytes(16), bytes(range(32))
ONE_TEXT, TWO_TEXT = (base64.b64encode(key).decode() for key in (ONE, TWO))


def ask(node: MachineUnderTest, operation: KeyOperation, key: bytes = b"") -> KeyResponse:
    payload = codec.encode(KeyRequest(key))
    node.serf.clocks.query.increment()
    query = Query(node.serf.clocks.query.time, 1, address_of("n1"), PORT, operation.value, payload)
    node.hear(query)
    [(_, answer)] = node.sent()
    assert isinstance(answer, QueryResponse)
    return codec.decode_as(answer.payload, KeyResponse)


def test_keys_are_installed_used_listed_and_removed() -> None:
    node = MachineUnderTest(keys=(ONE,))
    assert ask(node, KeyOperation.INSTALL, TWO) == KeyResponse(True)
    assert ask(node, KeyOperation.LIST) == KeyResponse(True, "", (ONE_TEXT, TWO_TEXT), ONE_TEXT)
    assert ask(node, KeyOperation.USE, TWO) == KeyResponse(True)
    assert ask(node, KeyOperation.REMOVE, ONE) == KeyResponse(True)
    assert node.keyring.keys == (TWO,)
    assert len(node.facts_of(KeyringChanged)) == 3
    assert ask(node, KeyOperation.REMOVE, ONE) == KeyResponse(True)
    assert node.facts_of(KeyringChanged) == [], "nothing has changed"


@pytest.mark.parametrize(
    ("operation", "key", "text"),
    [
        (KeyOperation.INSTALL, b"short", "key size must be 16, 24 or 32 bytes"),
        (KeyOperation.USE, TWO, "Requested key is not in the keyring"),
        (KeyOperation.REMOVE, ONE, "Removing the primary key is not allowed"),
    ],
)
def test_what_the_keyring_refuses_is_answered_with_its_words(
    operation: KeyOperation, key: bytes, text: str
) -> None:
    node = MachineUnderTest(keys=(ONE,))
    assert ask(node, operation, key) == KeyResponse(False, text)
    assert node.facts_of(KeyringChanged) == []


@pytest.mark.parametrize("operation", KeyOperation)
def test_without_encryption_there_are_no_keys(operation: KeyOperation) -> None:
    text = (
        "Keyring is empty (encryption not enabled)"
        if operation is KeyOperation.LIST
        else "No keyring to modify (encryption not enabled)"
    )
    assert ask(MachineUnderTest(), operation, ONE) == KeyResponse(False, text)


def test_a_key_query_without_a_body_is_answered() -> None:
    node = MachineUnderTest(keys=(ONE,))
    node.hear(Query(3, 1, address_of("n1"), PORT, KeyOperation.USE.value))
    [(_, answer)] = node.sent()
    assert isinstance(answer, QueryResponse)
    assert not codec.decode_as(answer.payload, KeyResponse).result


def test_a_list_that_fits_no_answer_is_shortened() -> None:
    keys = tuple(bytes([number]) * 32 for number in range(40))
    answer = ask(MachineUnderTest(keys=keys), KeyOperation.LIST)
    shown = len(answer.keys)
    assert 15 < shown < 40
    assert answer.message == f"truncated key list response, showing first {shown} of 40 keys"


class Operation:
    """A key operation of ours among four members."""

    def __init__(self, operation: KeyOperation) -> None:
        self.node = MachineUnderTest(keys=(ONE,))
        self.node.meet("n1", "n2", "n3")
        self.command = self.node.commands.key_operation(operation, self.node.now, ONE)
        [query] = self.node.queued_messages()
        assert isinstance(query, Query)
        assert query.flags == 0
        self.query = query

    def answer(self, member: str, payload: bytes) -> None:
        self.node.hear(QueryResponse(self.query.time, self.query.id, member, 0, payload))

    def done(self) -> KeyOperationDone:
        [fact] = self.node.facts_of(KeyOperationDone)
        assert fact.command == self.command
        return fact


def test_an_operation_is_done_with_the_last_answer() -> None:
    operation = Operation(KeyOperation.LIST)
    held = codec.encode(KeyResponse(True, "", (ONE_TEXT, TWO_TEXT), TWO_TEXT))
    for member in ("n1", "n2", "n3"):
        operation.answer(member, held)
    done = operation.done()
    assert (done.nodes, done.responses, done.errors, done.error) == (4, 4, 0, "")
    assert dict(done.keys) == {ONE_TEXT: 4, TWO_TEXT: 3}, "ours counts"
    assert dict(done.primary_keys) == {ONE_TEXT: 1, TWO_TEXT: 3}


def test_silent_members_are_counted_at_the_deadline() -> None:
    operation = Operation(KeyOperation.USE)
    operation.answer("n1", codec.encode(KeyResponse(True)))
    operation.node.advance(3.2)
    assert operation.done().error == "2/4 nodes reported success"


def test_failures_are_counted_with_their_words() -> None:
    operation = Operation(KeyOperation.USE)
    operation.answer("n1", codec.encode(KeyResponse(False, "no such key")))
    operation.answer("n2", b"nonsense")
    operation.answer("n3", codec.encode(KeyResponse(True)))
    done = operation.done()
    assert done.error == "2/4 nodes reported failure"
    messages = dict(done.messages)
    assert messages.pop("n2").startswith("Failed to decode key query response")
    assert messages == {"n1": "no such key"}


def test_alone_an_operation_is_done_at_once() -> None:
    node = MachineUnderTest(keys=(ONE,))
    node.commands.key_operation(KeyOperation.INSTALL, node.now, TWO)
    [done] = node.facts_of(KeyOperationDone)
    assert (done.nodes, done.error) == (1, "")
    assert node.keyring.keys == (ONE, TWO)
    assert OWN not in dict(done.messages)
