"""The state machine of HTTP/2, as the gateway uses it: that of the ``h2`` library, and its limits.

What is changed about it, because it would end a whole connection where RFC 9113 wants one stream
to end (§5.1.2, §8.1.1): it does not see Content-Length, which ``body.py`` holds bodies to, and it
does not count streams, which ``http2_connection.py`` does.
"""

from collections.abc import Iterable
from typing import Any, Final

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.settings import SettingCodes, Settings
from hpack import Decoder, HeaderTuple
from hyperframe.frame import GoAwayFrame

from colobus.gateway.http2_limits import (
    CONCURRENT_STREAMS,
    CONNECTION_WINDOW,
    HEADER_LIST_BYTES,
    REMEMBERED_STREAMS,
    STREAM_WINDOW,
)
from colobus.gateway.http2_request import HIDDEN_LENGTH

__all__ = ["NO_LIMIT", "Machine", "goaway"]

NO_LIMIT: Final = 2**31 - 1
"""The largest number of a stream."""


class RequestDecoder(Decoder):
    """Decodes header blocks, and hides Content-Length."""

    def decode(self, data: bytes, raw: bool = False) -> Iterable[HeaderTuple]:
        """Return the fields of a block, as bytes if ``raw``."""
        return [
            HeaderTuple(HIDDEN_LENGTH, field[1]) if field[0] == b"content-length" else field
            for field in super().decode(data, raw)
        ]


class Machine(H2Connection):
    """The server's side of one connection; its first frames are to be sent at once."""

    MAX_CLOSED_STREAMS = REMEMBERED_STREAMS

    def __init__(self) -> None:
        super().__init__(
            H2Configuration(
                client_side=False,
                header_encoding=None,
                # Requests are checked by http2_request.py, one at a time; answers are our own.
                validate_inbound_headers=False,
                normalize_inbound_headers=False,
                validate_outbound_headers=False,
                normalize_outbound_headers=False,
            )
        )
        self.decoder: Any = RequestDecoder()
        self.decoder.max_header_list_size = HEADER_LIST_BYTES
        self.local_settings = Settings(
            client=False,
            initial_values={
                SettingCodes.MAX_CONCURRENT_STREAMS: CONCURRENT_STREAMS,
                SettingCodes.MAX_HEADER_LIST_SIZE: HEADER_LIST_BYTES,
                SettingCodes.INITIAL_WINDOW_SIZE: STREAM_WINDOW,
            },
        )
        self.initiate_connection()
        self.increment_flow_control_window(CONNECTION_WINDOW - STREAM_WINDOW)
        # Told to the client, not enforced here: a client may not have read it yet.
        self.local_settings[SettingCodes.MAX_CONCURRENT_STREAMS] = NO_LIMIT
        self.local_settings.acknowledge()


def goaway(last_stream: int, code: int) -> bytes:
    """Return the frame that says which stream is the last one to be served.

    The machine would send nothing more after its own.
    """
    frame = GoAwayFrame(0, last_stream_id=last_stream, error_code=code)
    return frame.serialize()
