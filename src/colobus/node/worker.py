"""A worker process: the data path of one core, fed over the node bus.

Started by the supervisor with its descriptors as arguments; everything else it is told. It has no
datastore connection and does not import the SQL stack. It ends when told to, or when the bus does.
"""

import argparse
import asyncio
import gc
import ipaddress
import logging
import random
import signal
import socket
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, fields
from typing import Any, assert_never

from colobus.cache.fenced import FencedCache, Key
from colobus.cache.lookups import CachedLookups
from colobus.clock import SystemClock
from colobus.errors import NodeError
from colobus.gateway.chain import ChainTable
from colobus.gateway.counters import SharedCounters
from colobus.gateway.loop import Loop
from colobus.gateway.selector import new_event_loop
from colobus.gateway.service import Gateway, GatewaySettings
from colobus.gateway.stats import SharedStats
from colobus.model.change import Change
from colobus.node.bus import (
    Answers,
    Applied,
    Apply,
    Bus,
    Configure,
    Drain,
    Failed,
    LookUp,
    Message,
    Ready,
    Replace,
    Replaced,
    ReplaceRows,
)
from colobus.node.logs import configure_logging
from colobus.node.memory import Memory
from colobus.plugins import registry
from colobus.plugins.context import Capabilities

__all__ = ["WorkerSettings", "main"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """What the supervisor tells a worker in its Configure message; plain msgpack values.

    Attributes:
        slot: the worker's number, from 0.
        log_level: Kong's name of it.
        salt: the datastore's, for tokens of secrets.
        custom_plugins: names beside the bundled ones.
        cache_bytes: memory for looked-up rows.
        gateway: the fields of GatewaySettings, ``trusted_ips`` as text.
    """

    slot: int
    log_level: str
    salt: bytes
    custom_plugins: list[str]
    cache_bytes: int
    gateway: dict[str, Any]
