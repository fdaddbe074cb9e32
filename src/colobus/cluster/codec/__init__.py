"""Bytes to messages and back, as Serf 0.9.4 and memberlist 0.2.2 speak. No clock, no sockets.

From the inside out: ``dialect`` is MessagePack within ``limits``, ``records`` makes maps to
records; ``gossip`` and ``serf`` are the messages, ``tags``, ``filters`` and ``coordinate`` what
they carry; ``compound``, ``compression`` (with ``lzw``), ``sealing`` and ``labels`` are the layers
around them; ``datagram`` and ``stream`` put all of it together for a transport.

Whatever bytes come in, the one error is ``ClusterProtocolError``.
"""
