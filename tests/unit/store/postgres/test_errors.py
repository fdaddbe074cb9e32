"""What SQLSTATEs mean, and that nothing a server says about rows is passed on."""

import ssl

import asyncpg
import pytest
from asyncpg.exceptions import TargetServerAttributeNotMatched

from colobus.errors import StoreError, StoreUnavailableError, StoreUnusableError
from colobus.store.postgres.errors import connect_failure, is_read_only, meaning


@pytest.mark.parametrize(
    ("code", "kind", "text"),
    [
        (None, StoreUnavailableError, "the connection was lost"),
        ("08006", StoreUnavailableError, "the connection was lost"),
        ("57P01", StoreUnavailableError, "starting up or shutting down"),
        ("57P03", StoreUnavailableError, "starting up or shutting down"),
        ("57014", StoreUnavailableError, "the statement took too long"),
        ("53300", StoreUnavailableError, "no resources left"),
        ("53100", StoreUnavailableError, "no resources left"),
        ("40001", StoreUnavailableError, "in conflict"),
        ("40P01", StoreUnavailableError, "in conflict"),
        ("25006", StoreUnavailableError, "read-only"),
        ("25P03", StoreUnavailableError, "idle for too long"),
        ("0A000", StoreUnavailableError, "the schema was changed"),
        ("58030", StoreUnavailableError, "its files"),
        ("28P01", StoreUnusableError, "check pg_user, pg_password"),
        ("3D000", StoreUnusableError, "check pg_database"),
        ("42501", StoreUnusableError, "must own the tables"),
        ("42P01", StoreUnusableError, "not those that this version made"),
        ("XX001", StoreUnusableError, "look into its log"),
        ("54000", StoreError, "refused a statement (54000)"),
        ("22003", StoreError, "refused a statement (22003)"),
    ],
)
def test_an_error_is_told_by_its_code(code: str | None, kind: type[StoreError], text: str) -> None:
    error = meaning("the place", code)
    assert type(error) is kind
    assert str(error).startswith("the place: ")
    assert text in str(error)


def test_a_constraint_is_named() -> None:
    error = meaning("the place", "23505", "uq_consumers_username")
    assert type(error) is StoreError
    assert str(error) == "the place: constraint uq_consumers_username refused a row"


@pytest.mark.parametrize(
    ("raised", "kind", "text"),
    [
        (ConnectionRefusedError(111, "Connection refused"), StoreUnavailableError, "Connection refused"),
        (TimeoutError(), StoreUnavailableError, "no answer in time"),
        (TargetServerAttributeNotMatched("x"), StoreUnavailableError, "read-only"),
        (asyncpg.InvalidPasswordError("x"), StoreUnusableError, "the login is refused"),
        (asyncpg.InvalidCatalogNameError("x"), StoreUnusableError, "the database does not exist"),
        (asyncpg.CannotConnectNowError("x"), StoreUnavailableError, "starting up"),
        (ssl.SSLCertVerificationError(1, "certificate verify failed"), StoreUnavailableError, "certificate verify failed"),
        (ConnectionError("rejected SSL upgrade"), StoreUnavailableError, "rejected SSL upgrade"),
    ],
)  # fmt: skip
def test_a_connection_that_does_not_come_about_says_why(
    raised: Exception, kind: type[StoreError], text: str
) -> None:
    error = connect_failure("db:5432", raised)
    assert type(error) is kind
    assert str(error).startswith("db:5432: ")
    assert text in str(error)


def test_only_one_code_means_that_the_server_cannot_be_written_to() -> None:
    assert is_read_only("25006")
    assert not is_read_only("25P02")
    assert not is_read_only(None)
