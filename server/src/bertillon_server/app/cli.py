"""`bertillon-server`: serve, check, rules, catalog.

Nothing heavy is imported before a command needs it, so that help is quick; and the numeric libraries read
their thread counts when they are imported, so these are set first.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any, NoReturn

import click

from bertillon_server.app.catalog_command import catalog
from bertillon_server.app.flags import settings_options
from bertillon_server.app.settings import Settings, load_settings
from bertillon_server.app.startup import StartupError

_ENVIRONMENT = {
    # One inference thread per core calls the libraries; threads of their own would compete with these.
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "TOKENIZERS_PARALLELISM": "false",
    # gRPC writes lines of its own to standard error, which is for JSON logs and one-line errors.
    "GRPC_VERBOSITY": "NONE",
}


# As a shell reports a program that was ended by SIGINT.
_INTERRUPTED = 130


# How long a thread that computes may keep the interpreter from others. A worker that comes back from the encoder
# waits for it, once a batch; with Python's own 5 ms that was a fifth of the time of a note.
SWITCH_INTERVAL_S = 0.0005


def main() -> None:
    """Run the command line."""
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    # From 1.29 on, onnxruntime reports its use to its maker and keeps an id of the machine in the home
    # directory, unless told not to before it is imported. A server of clinical notes calls nobody.
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    cli(prog_name="bertillon-server")


class _Program(click.Group):
    """The group of all commands; wrong usage, and what keeps a command from its work, end in one line."""

    def main(self, *args: Any, **extra: Any) -> Any:  # noqa: ANN401 - as in click
        """Run the command line."""
        # Typed by hand: click overloads the flag that this passes on.
        run: Callable[..., Any] = super().main
        if not extra.pop("standalone_mode", True):
            return run(*args, standalone_mode=False, **extra)
        try:
            ended = run(*args, standalone_mode=False, **extra)
        except click.ClickException as error:
            _refuse(error)
        except StartupError as error:
            click.echo(f"bertillon-server: {' '.join(str(error).split())}", err=True)
            sys.exit(error.exit_code)
        except click.Abort:
            sys.exit(_INTERRUPTED)
        sys.exit(ended if isinstance(ended, int) else 0)


def _refuse(error: click.ClickException) -> NoReturn:
    message = " ".join(error.format_message().split())
    context = error.ctx if isinstance(error, click.UsageError) else None
    if context is not None and message == " ".join(context.get_help().split()):
        # No command at all: the help is the answer.
        click.echo(context.get_help(), err=True)
    else:
        where = "" if context is None else f" (see '{context.command_path} --help')"
        click.echo(f"bertillon-server: {message.rstrip('.')}{where}", err=True)
    sys.exit(error.exit_code)


@click.group(cls=_Program, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(version("bertillon-server"), prog_name="bertillon-server")
def cli() -> None:
    """Serve the coding of clinical notes over gRPC."""


@cli.command()
@settings_options
def serve(config: Path | None, **flags: Any) -> None:  # noqa: ANN401 - one keyword for each setting
    """Serve until SIGTERM or SIGINT.

    Prints `serving on HOST:PORT` once it answers. Every setting can be given as a flag, in the environment or
    in a TOML file under the name that the environment variable has after its prefix, in lower case.
    """
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    settings = _settings(config, flags)
    if settings.workers > 1:
        from bertillon_server.app.supervisor import supervise  # noqa: PLC0415 - see the module's docstring

        supervise(settings)
        return
    from bertillon_server.app import serve as process  # noqa: PLC0415

    process.serve(settings)


@cli.command()
@settings_options
def check(config: Path | None, **flags: Any) -> None:  # noqa: ANN401
    """Load everything, code the bundle's canary, and say whether it could serve."""
    from bertillon_server.app import serve as process  # noqa: PLC0415

    click.echo(process.check(_settings(config, flags)))


@cli.command()
@click.option("--format", "style", type=click.Choice(["table", "json"]), default="table", show_default=True)
def rules(style: str) -> None:
    """List the audit's rules: id, severity, title, public source."""
    from bertillon_server.audit.registry import RULES  # noqa: PLC0415

    if style == "json":
        listed = [
            {
                "id": rule.id,
                "severity": rule.severity.name.lower(),
                "title": rule.title,
                "source": rule.source,
            }
            for rule in RULES
        ]
        click.echo(json.dumps(listed, indent=2))
        return
    for rule in RULES:
        click.echo(f"{rule.id:24} {rule.severity.name.lower():8} {rule.title} [{rule.source}]")


cli.add_command(catalog)


def _settings(config: Path | None, flags: dict[str, Any]) -> Settings:
    return load_settings({name: value for name, value in flags.items() if value is not None}, config)
