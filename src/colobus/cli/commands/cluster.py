"""``cluster``: commands about the cluster."""

import base64
import secrets
from pathlib import Path

import click

from colobus.cli.command import conf_option, group
from colobus.cli.console import Console

__all__ = ["cluster"]

KEY_BYTES = 16


@group
def cluster() -> None:
    """Act on the cluster."""


@cluster.command()
@conf_option
@click.pass_obj
def keygen(console: Console, conf: Path | None) -> None:  # noqa: ARG001 (0.10.4 takes it)
    """Make a key for cluster_encrypt_key.

    No node has to run.
    """
    console.say(base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode("ascii"))
