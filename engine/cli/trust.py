"""Options of TLS in, for verbs that ask a daemon; by what it is trusted out."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import wraps

import click

FILES = ("ca_file", "certificate_file", "key_file")


def tls_options(function: Callable[..., None]) -> Callable[..., None]:
    """Add the options of TLS; *function* is given a `Trust`, or None where none is set."""

    @wraps(function)
    def packed(*, tls: bool, server_name: str, **given: object) -> None:
        said = {"server_name": server_name, **{name: str(given.pop(name)) for name in FILES}}
        function(trust=trusting(said) if tls or any(said.values()) else None, **given)

    made: Callable[..., None] = packed
    for decorate in (
        file_option("--key", "key_file", "KEY", "The key of --cert (PEM)."),
        file_option("--cert", "certificate_file", "CERT", "Your own certificate (PEM)."),
        file_option("--ca", "ca_file", "CA", "Whom to trust (PEM); else whom the system does."),
        click.option(
            "--server-name",
            default="",
            metavar="NAME",
            envvar="ENGINE_TLS_SERVER_NAME",
            show_envvar=True,
            help="What its certificate is for, if not the address' host.",
        ),
        click.option(
            "--tls",
            is_flag=True,
            envvar="ENGINE_TLS",
            show_envvar=True,
            help="The daemon speaks TLS; any option below says so too.",
        ),
    ):
        made = decorate(made)
    return made


def trusting(said: dict[str, str]) -> object:
    """Return the `Trust` that has what is *said*; only then is gRPC imported, which takes long."""
    made: object = importlib.import_module("engine.doors.grpc.dialling").Trust(**said)
    return made


def file_option(
    flag: str, name: str, variable: str, text: str
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Return what adds the option *flag* for a file."""
    return click.option(
        flag,
        name,
        default="",
        metavar="FILE",
        envvar=f"ENGINE_TLS_{variable}",
        show_envvar=True,
        help=text,
    )
