"""APIs: which requests go to which upstream service (reference: admin-api §1.10 "API")."""

import re
from collections.abc import Callable
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import ValidationInfo, model_validator

from colobus.model.kind import Collection, Entity, Kind, ValidationContext
from colobus.model.schema import Array, Boolean, Check, Number, String, Url

__all__ = ["APIS", "Api"]

_NAME = re.compile(r"[A-Za-z0-9_.~-]+")
_HOST_LABEL = re.compile(r"[A-Za-z0-9_-]*[A-Za-z0-9_]")
_URI_CHARACTERS = re.compile(r"[A-Za-z0-9_.~/%-]*")
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2}).{0,2}")
_METHOD = re.compile(r"[A-Z]+")


def _check_name(name: str) -> str:
    if _NAME.fullmatch(name) is None:
        raise ValueError("name must only contain alphanumeric and '., -, _, ~' characters")
    return name


def _is_hostname(text: str) -> bool:
    return all(_HOST_LABEL.fullmatch(label) for label in text.split("."))


def _check_host(host: object) -> str:
    if not isinstance(host, str):
        raise ValueError("must be a string")
    if not host:
        raise ValueError("host is empty")
    stars = host.count("*")
    if not _is_hostname(host.replace("*", "abc")):
        raise ValueError("Invalid hostname")
    if stars > 1:
        raise ValueError("Only one wildcard is allowed")
    if stars and not (host.startswith("*.") or host.endswith(".*")):
        raise ValueError("Invalid wildcard placement")
    return host


def _check_uri(uri: object) -> str:
    if not isinstance(uri, str):
        raise ValueError("must be a string")
    if not uri:
        raise ValueError("uri is empty")
    if not uri.startswith("/"):
        raise ValueError("must be prefixed with slash")
    if "//" in uri:
        raise ValueError("invalid")
    if _URI_CHARACTERS.fullmatch(uri) is None:
        raise ValueError("must only contain alphanumeric and '., -, _, ~, /, %' characters")
    bad = _BAD_ESCAPE.search(uri)
    if bad is not None:
        raise ValueError(f"must use proper encoding; '{bad.group()}' is invalid")
    return uri if uri == "/" else uri.removesuffix("/")


def _check_method(method: object) -> str:
    if not isinstance(method, str):
        raise ValueError("must be a string")
    if not method:
        raise ValueError("method is empty")
    if _METHOD.fullmatch(method) is None:
        raise ValueError("invalid value")
    return method


def _each(noun: str, rule: Callable[[object], str]) -> Check:
    """Return a check that applies ``rule`` to each item and names the first bad one."""

    def check(items: list[Any]) -> list[str]:
        checked = []
        for item in items:
            try:
                checked.append(rule(item))
            except ValueError as exc:
                raise ValueError(f"{noun} with value '{item}' is invalid: {exc}") from None
        return checked

    return Check(check)


def _between(low: int, high: int) -> Check:
    def check(value: float) -> int:
        if value != int(value) or not low <= value <= high:
            raise ValueError(f"must be an integer between {low} and {high}")
        return int(value)

    return Check(check, whole=True)


def _check_upstream_url(url: str) -> str:
    if urlsplit(url).scheme not in ("http", "https"):
        raise ValueError("Supported protocols are HTTP and HTTPS")
    return url


Retries = Annotated[Number, _between(0, 32_767)]
Timeout = Annotated[Number, _between(1, 2_147_483_647)]


class Api(Entity):
    """One API. At least one of ``hosts``, ``uris``, ``methods`` is needed to create it."""

    name: Annotated[String, Check(_check_name)]
    hosts: Annotated[Array[Any], _each("host", _check_host)] | None = None
    uris: Annotated[Array[Any], _each("uri", _check_uri)] | None = None
    methods: Annotated[Array[Any], _each("method", _check_method)] | None = None
    strip_uri: Boolean = True
    https_only: Boolean = False
    http_if_terminated: Boolean = True
    upstream_url: Annotated[Url, Check(_check_upstream_url)]
    preserve_host: Boolean = False
    retries: Retries = 5
    upstream_connect_timeout: Timeout = 60_000
    upstream_send_timeout: Timeout = 60_000
    upstream_read_timeout: Timeout = 60_000

    @model_validator(mode="after")
    def _needs_a_matcher(self, info: ValidationInfo) -> "Api":
        inserting = (
            isinstance(info.context, ValidationContext) and info.context.operation == "insert"
        )
        if inserting and not (self.hosts or self.uris or self.methods):
            raise ValueError("at least one of 'hosts', 'uris' or 'methods' must be specified")
        return self


APIS = Kind(
    name="apis",
    model=Api,
    alternate="name",
    unique=(("name",),),
    resident=True,
    collections=(Collection("/apis"),),
    old_names={
        "request_host": "hosts",
        "request_path": "uris",
        "strip_request_path": "strip_uri",
    },
    patch_needs_field=True,
)
