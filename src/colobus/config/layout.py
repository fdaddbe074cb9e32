"""Where a node keeps its files: every path below the prefix, named once."""

from dataclasses import dataclass
from pathlib import Path

__all__ = ["Layout"]


@dataclass(frozen=True, slots=True)
class Layout:
    """The paths of one node, below its ``prefix``."""

    prefix: Path

    @property
    def environment_file(self) -> Path:
        """The settings the node was started with; holds secrets."""
        return self.prefix / ".kong_env"

    @property
    def pid_file(self) -> Path:
        """Holds the supervisor's process id; the supervisor keeps it locked while it lives."""
        return self.prefix / "pids" / "colobus.pid"

    @property
    def pid_link(self) -> Path:
        """The name of the pid file that scripts written for 0.10 know; a symbolic link."""
        return self.prefix / "pids" / "nginx.pid"

    @property
    def logs(self) -> Path:
        """The folder of the log files."""
        return self.prefix / "logs"

    @property
    def default_certificate(self) -> Path:
        """The self-signed certificate of a node that was given none."""
        return self.prefix / "ssl" / "kong-default.crt"

    @property
    def default_key(self) -> Path:
        """Its private key."""
        return self.prefix / "ssl" / "kong-default.key"

    @property
    def node_name_file(self) -> Path:
        """Holds the node's name in the cluster, which survives restarts."""
        return self.prefix / "serf" / "serf.id"
