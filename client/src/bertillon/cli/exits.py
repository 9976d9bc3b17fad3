"""How a command ends: exit codes that scripts can use, and one sentence on stderr."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from enum import IntEnum
from typing import NoReturn

import click

from bertillon import BertillonError, InvalidRequestError, MessageTooLargeError, NotFoundError
from bertillon.cli.interrupt import STATUS


class Exit(IntEnum):
    """Exit codes."""

    OK = 0
    # The server or the way to it failed; nothing is wrong with the request.
    SERVER = 1
    USAGE = 2
    # Some notes, or the one asked for, could not be coded; there is no such code; or an audit found something.
    NOTES = 3
    # As a shell reports a program that was ended by SIGINT and SIGPIPE.
    INTERRUPTED = STATUS
    PIPE_CLOSED = 141


def say(sentence: str) -> None:
    """Write a sentence for a person to stderr."""
    click.echo(f"bertillon: {sentence}", err=True)


def refuse(error: click.ClickException) -> NoReturn:
    """End the program with what click found wrong, in a sentence; no command at all gets the help."""
    message = " ".join(error.format_message().split())
    context = error.ctx if isinstance(error, click.UsageError) else None
    if context is not None and message == " ".join(context.get_help().split()):
        click.echo(context.get_help(), err=True)
    elif context is not None:
        say(f"{message.rstrip('.')} (see '{context.command_path} --help')")
    else:
        say(message)
    sys.exit(error.exit_code)


def exit_for(error: BertillonError) -> Exit:
    """Return the exit code for a request that was not answered."""
    if isinstance(error, InvalidRequestError | MessageTooLargeError | NotFoundError):
        return Exit.NOTES
    return Exit.SERVER


@contextlib.contextmanager
def sentences() -> Iterator[None]:
    """Turn whatever ends a command early into a sentence and an exit code; never a traceback."""
    try:
        yield
        sys.stdout.flush()
    except BertillonError as error:
        say(str(error))
        sys.exit(exit_for(error))
    except BrokenPipeError:
        # Whoever read the output has gone, as `head` does. Nothing may be flushed to it at exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(Exit.PIPE_CLOSED)
    except KeyboardInterrupt:
        say("interrupted")
        sys.exit(Exit.INTERRUPTED)
    except click.ClickException:
        raise
    except OSError as error:
        say(f"{error.strerror or 'input or output failed'}: {error.filename or 'standard stream'}")
        sys.exit(Exit.USAGE)
