"""Settings of the node as a process: its folder, its logs, its workers."""

import os
from dataclasses import dataclass
from pathlib import Path

from colobus.config.declaration import setting
from colobus.config.kinds import ARRAY, LOG_PATH, ON_OFF, PATH, PREFIX_PATH, SIZE, WORKERS, one_of

__all__ = ["NodeSettings"]

SYSTEM_PREFIX = Path("/usr/local/colobus")


def default_prefix() -> Path:
    """Return the prefix of a node whose settings name none: where this user may write."""
    if os.geteuid() == 0:
        return SYSTEM_PREFIX
    try:
        return Path.home() / ".colobus"
    except RuntimeError:  # a user without an entry and without HOME, as in some containers
        return SYSTEM_PREFIX


@dataclass(frozen=True, kw_only=True, repr=False)
class NodeSettings:
    """The node as a process: its folder, its logs, its workers."""

    prefix: Path = setting(
        PATH,
        default_prefix,
        "Working directory of the node: logs, process id, the default datastore, and the settings"
        " it was started with. Two nodes on one machine need two of them. Created when missing.",
        default_text="`/usr/local/colobus` for root, `~/.colobus` for other users",
        old_names=("nginx_working_dir",),
        difference="`/usr/local/kong/` in 0.10.4, which only root can write to",
    )
    log_level: str = setting(
        one_of("debug", "info", "notice", "warn", "error", "crit", "alert", "emerg"),
        "notice",
        "The least important lines that the error logs take.",
    )
    proxy_access_log: Path | None = setting(
        LOG_PATH,
        Path("logs/access.log"),
        "Where proxied requests are logged, a path relative to the prefix, or `/dev/stdout`; `off`"
        " logs none. SIGUSR1 to the node reopens this and every other log file.",
    )
    proxy_error_log: Path = setting(
        PREFIX_PATH,
        Path("logs/error.log"),
        "Where a node in the background writes its error log, a path relative to the prefix. A node"
        " in the foreground writes it to standard error.",
    )
    admin_access_log: Path | None = setting(
        LOG_PATH,
        Path("logs/admin_access.log"),
        "Where requests to the Admin API are logged, a path relative to the prefix; `off` logs"
        " none.",
    )
    admin_error_log: Path = setting(
        PREFIX_PATH,
        Path("logs/error.log"),
        "Where errors of the Admin API are logged, a path relative to the prefix. They go where"
        " those of the proxy go if this is the same path as proxy_error_log.",
    )
    daemon: bool = setting(
        ON_OFF,
        True,
        "Whether `start` leaves the node running in the background. `off` keeps it in the"
        " foreground, for containers and service managers.",
        old_names=("nginx_daemon",),
    )
    worker_processes: int | None = setting(
        WORKERS,
        None,
        "How many processes proxy requests; `auto` starts one for each processor the node may use.",
        old_names=("nginx_worker_processes",),
    )
    mem_cache_size: int = setting(
        SIZE,
        128 * 1024**2,
        "Memory of each worker for rows of the datastore it looked up: consumers, credentials. What"
        " was used longest ago gives way. Units: `k`, `m`, `g`.",
        old_names=("memory_cache_size",),
    )
    counters_size: int = setting(
        SIZE,
        16 * 1024**2,
        "Memory that the workers of the node share for the counters of rate limits of policy"
        " `local`.",
    )
    custom_plugins: tuple[str, ...] = setting(
        ARRAY, (), "Names of plugins to load beside the bundled ones."
    )
