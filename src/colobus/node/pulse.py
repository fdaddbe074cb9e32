"""Waking everything that waits for "something changed", without losing a beat."""

import asyncio

__all__ = ["Pulse"]


class Pulse:
    """An event that is over at once: whoever waits now is woken, whoever comes later waits."""

    def __init__(self) -> None:
        self._beat: asyncio.Future[None] | None = None

    async def wait(self) -> None:
        """Wait for the next beat."""
        if self._beat is None:
            self._beat = asyncio.get_running_loop().create_future()
        await asyncio.shield(self._beat)

    def beat(self) -> None:
        """Wake everyone who waits."""
        beat, self._beat = self._beat, None
        if beat is not None:
            beat.set_result(None)
