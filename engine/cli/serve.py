"""``engine serve``: settings from file, environment and flags in, a running daemon out."""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path

import click

from engine.cli.main import EXIT_ERROR, EXIT_FINE
from engine.daemon.config import load_settings, render_settings
from engine.daemon.options import ConfigError
from engine.daemon.settings import Settings
from engine.daemon.signals import ending_at_once
from engine.language.collection import without_collection

DEFAULT_FILE = Path("engine.toml")

EPILOG = """\
\b
Examples:
  engine serve policies                         decide by the policies in a folder
  engine serve policies --memory --listen 127.0.0.1:0
                                                try it out: nothing kept, any free port
  engine serve policies --workers 4             four processes that share port and state
  engine serve --config engine.toml             everything from a file
  engine serve --print-config > engine.toml     begin such a file
  engine serve --check-config                   are the settings right, and is all there?
  ENGINE_LOG_LEVEL=debug engine serve policies  any setting as a variable
  engine serve policies --set drain_seconds=30  any setting as a flag

Settings come from engine.toml, then from ENGINE_… variables, then from flags; the later wins.
SIGTERM drains and stops, SIGHUP reopens the record and reloads the policies; a changed file in the
folder reloads too. Policies that do not check never replace the last good ones.
"""

FLAGS = {
    "policies": "policies",
    "listen": "grpc.listen",
    "socket": "grpc.socket",
    "metrics": "metrics.listen",
    "data": "data",
    "record": "record.file",
    "workers": "workers",
    "log_level": "log.level",
    "log_format": "log.format",
}
"""The setting that each flag stands for."""

SINKS = "engine.daemon.sinks"
ALONE = "engine.daemon.serve"
TOGETHER = "engine.daemon.supervisor"
"""What runs the daemon in one process, and in several. A supervisor has no use for gRPC, so only
the one that is needed is loaded."""


@click.command("serve", epilog=EPILOG)
@click.argument("policies", required=False)
@click.option(
    "--config",
    "config",
    type=click.Path(path_type=Path),
    envvar="ENGINE_CONFIG",
    help="A TOML file of settings; engine.toml is read when it is there.",
)
@click.option("--listen", metavar="HOST:PORT", help="Where gateways ask (port 0: any free one).")
@click.option("--socket", metavar="PATH", help="A Unix socket for callers on this machine.")
@click.option("--metrics", metavar="HOST:PORT", help='Where /metrics and /readyz are; "" for none.')
@click.option("--data", metavar="FOLDER", help="What the daemon remembers.")
@click.option("--memory", is_flag=True, help="Remember nothing beyond this run.")
@click.option("--record", metavar="FILE", help='Where decisions are recorded; "" for nowhere.')
@click.option("--wait", is_flag=True, help="Start even though the policies do not check yet.")
@click.option("--no-watch", is_flag=True, help="Reload on SIGHUP only, not when a file changes.")
@click.option("--workers", metavar="N", help="Processes that decide; 0 for no supervisor.")
@click.option("--log-level", metavar="LEVEL", help="debug, info, warning or error.")
@click.option("--log-format", metavar="FORMAT", help="auto, json or text.")
@click.option("--set", "settings", metavar="KEY=VALUE", multiple=True, help="Any setting.")
@click.option("--print-config", is_flag=True, help="Print every setting as it would be, and stop.")
@click.option(
    "--check-config", is_flag=True, help="Say whether the settings can be used, and stop."
)
def command(
    config: Path | None,
    settings: tuple[str, ...],
    *,
    memory: bool,
    wait: bool,
    no_watch: bool,
    print_config: bool,
    check_config: bool,
    **named: str | None,
) -> None:
    """Run the daemon that answers gateways over gRPC, until it is told to stop.

    POLICIES is the folder whose .pol files decide.
    """
    flags = {FLAGS[name]: value for name, value in named.items() if value is not None}
    flags |= {"state": "memory"} if memory else {}
    flags |= {"wait_for_bundle": "true"} if wait else {}
    flags |= {"reload.watch": "false"} if no_watch else {}
    try:
        flags |= dict(split_setting(text) for text in settings)
        file = config or (DEFAULT_FILE if DEFAULT_FILE.exists() else None)
        chosen = load_settings(file, os.environ, flags)
    except ConfigError as error:
        click.echo(f"engine: {error}", err=True)
        sys.exit(EXIT_ERROR)
    if print_config:
        click.echo(render_settings(chosen), nl=False)
        return
    if check_config:
        sys.exit(check(chosen))
    sys.exit(serve(chosen))


def check(settings: Settings) -> int:
    """Say whether what *settings* name can be had: what sinks need, and their secrets."""
    # Who serves has no use for what sinks need: that is for the shipper, or for nobody.
    problems: list[str] = importlib.import_module(SINKS).check_sinks(settings.audit.sinks)
    for problem in problems:
        click.echo(f"engine: {problem}", err=True)
    if not problems:
        click.echo("the settings can be used")
    return EXIT_ERROR if problems else EXIT_FINE


def split_setting(text: str) -> tuple[str, str]:
    """Return name and value of ``KEY=VALUE``; raise ConfigError without an equals sign."""
    name, equals, value = text.partition("=")
    if not equals:
        raise ConfigError(f"--set {text}: write KEY=VALUE, such as --set drain_seconds=30")
    return name.strip(), value.strip()


def serve(settings: Settings) -> int:
    """Run the daemon and return its exit code."""
    with ending_at_once():
        with without_collection():
            module = importlib.import_module(TOGETHER if settings.workers else ALONE)
        code: int = module.serve(settings)
    return code
