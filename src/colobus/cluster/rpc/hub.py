"""All sessions of an agent, and the order in which things happen to them.

A command may lead to facts before it returns (our own acknowledgement of our own query), which must
be told after its answer: facts wait while something is being done, and then go to every session.
"""

from collections import deque
from collections.abc import Callable
from typing import TypeVar

from colobus.cluster.rpc.session import Session
from colobus.cluster.serf.facts import Fact

__all__ = ["Hub"]

T = TypeVar("T")


class Hub:
    """Brings facts to sessions.

    What waits here is bounded by what one call of the machine tells.
    """

    def __init__(self) -> None:
        self._sessions: dict[Session, None] = {}
        self._facts: deque[Fact] = deque()
        self._is_busy = False

    def __len__(self) -> int:
        """Return the number of sessions."""
        return len(self._sessions)

    def add(self, session: Session) -> None:
        """Tell ``session`` facts from now on."""
        self._sessions[session] = None

    def remove(self, session: Session) -> None:
        """Tell it no more."""
        self._sessions.pop(session, None)

    def run(self, action: Callable[[], T]) -> T:
        """Do something with a session, then tell the facts that came of it."""
        was_busy, self._is_busy = self._is_busy, True
        try:
            return action()
        finally:
            self._is_busy = was_busy
            self._tell()

    def take(self, fact: Fact) -> None:
        """Tell a fact, at once or after what is being done."""
        if self._sessions:
            self._facts.append(fact)
            self._tell()

    def log(self, level: int, line: str) -> None:
        """Tell a new line of the log."""
        for session in tuple(self._sessions):
            session.log(level, line)

    def _tell(self) -> None:
        if self._is_busy:
            return
        self._is_busy = True
        try:
            while self._facts:
                fact = self._facts.popleft()
                for session in tuple(self._sessions):
                    session.take(fact)
        finally:
            self._is_busy = False
