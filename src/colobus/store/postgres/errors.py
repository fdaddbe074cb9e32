"""What an error of the server means, by its SQLSTATE (PostgreSQL, appendix A).

The texts are ours, because what a server says may quote values of a row. They name what a person
can look at.
"""

from asyncpg.exceptions import (
    InterfaceError,
    InternalClientError,
    PostgresError,
    TargetServerAttributeNotMatched,
)

from colobus.errors import StoreError, StoreUnavailableError, StoreUnusableError

__all__ = ["DRIVER_ERRORS", "connect_failure", "is_read_only", "meaning"]

DRIVER_ERRORS = (PostgresError, InterfaceError, InternalClientError, OSError)
"""Everything that the driver raises when it connects; time-outs are OSErrors."""

READ_ONLY = "25006"

TEMPORARY = {
    "08": "the connection was lost",
    "25006": "the server is read-only, such as a standby",
    "25P03": "the transaction was idle for too long",
    "25P04": "the transaction took too long",
    "40": "the transaction was in conflict with another one",
    "53": "the server has no resources left, such as connections or disk space",
    "55P03": "a lock was not given in time",
    "57014": "the statement took too long",
    "57": "the server is starting up or shutting down",
    "58": "the server cannot read or write its files",
    "0A000": "the schema was changed meanwhile",
}
"""Codes, and classes of two characters, of what may succeed later."""

PERMANENT = {
    "28": "the login is refused: check pg_user, pg_password and the server's pg_hba.conf",
    "3D000": "the database does not exist: create it, or check pg_database",
    "42501": "the user may not do that: pg_user must own the tables and may create in the schema",
    "3F000": "there is no schema to create tables in: check the search_path of pg_user",
    "42": "its tables are not those that this version made",
    "XX": "the server reports damage or a defect: look into its log",
}
"""Codes and classes of what a person must mend."""


def meaning(where: str, code: str | None, constraint: str | None = None) -> StoreError:
    """Return what an error with SQLSTATE ``code`` means.

    Args:
        where: the database, as texts name it.
        code: None when the driver had no answer of the server at all.
        constraint: the name of the constraint that was broken, if any.
    """
    if code is None:
        return StoreUnavailableError(f"{where}: the connection was lost")
    if code.startswith("23"):
        return StoreError(f"{where}: constraint {constraint or code} refused a row")
    for key in (code, code[:2]):
        if key in TEMPORARY:
            return StoreUnavailableError(f"{where}: {TEMPORARY[key]} ({code})")
        if key in PERMANENT:
            return StoreUnusableError(f"{where}: {PERMANENT[key]} ({code})")
    return StoreError(f"{where}: the server refused a statement ({code})")


def connect_failure(address: str, error: Exception) -> StoreError:
    """Return what it means that no connection to ``address`` came about."""
    if isinstance(error, TargetServerAttributeNotMatched):
        return StoreUnavailableError(f"{address}: {TEMPORARY[READ_ONLY]}")
    code = getattr(error, "sqlstate", None)
    if isinstance(code, str):
        return meaning(address, code)
    if isinstance(error, TimeoutError):
        return StoreUnavailableError(f"{address}: no answer in time")
    # Of the operating system or the TLS library: they know addresses, names and certificates.
    reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return StoreUnavailableError(f"{address}: {reason}")


def is_read_only(code: str | None) -> bool:
    """Say whether the server that answered ``code`` is one that cannot be written to."""
    return code == READ_ONLY
