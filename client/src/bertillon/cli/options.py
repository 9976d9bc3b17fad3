"""Options that commands share, and what they stand for."""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

from bertillon import (
    DEFAULT_TARGET,
    Bertillon,
    CodingOptions,
    CodingProfile,
    Note,
    OffsetUnit,
    Patient,
    Setting,
    Sex,
    Tls,
)

Command = TypeVar("Command", bound=Callable[..., Any])

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
SETTINGS = ("outpatient", "inpatient")
SEXES = ("female", "male")


@dataclass(frozen=True, slots=True)
class ConnectionOptions:
    """How to reach the server, as given on the command line."""

    target: str
    tls: bool
    tls_root: Path | None
    tls_cert: Path | None
    tls_key: Path | None
    tls_server_name: str
    token_file: Path | None
    timeout: float | None

    def connect(self) -> Bertillon:
        """Open a client. Raises a usage error for options that contradict each other."""
        secure = self.tls or self.tls_root or self.tls_cert or self.tls_key or self.tls_server_name
        tls = Tls(self.tls_root, self.tls_cert, self.tls_key, self.tls_server_name) if secure else None
        token = self.token_file.read_text().strip() if self.token_file else None
        try:
            return Bertillon(self.target, tls=tls, token=token)
        except ValueError as error:
            raise click.UsageError(str(error)) from None


@dataclass(frozen=True, slots=True)
class NoteOptions:
    """What is known of a note beside its text; a JSON line may say otherwise for its own note."""

    setting: str | None
    date: str
    age: int | None
    sex: str | None

    def apply(self, note: Note) -> None:
        """Write the options into a note."""
        if self.setting is not None:
            note.setting = Setting.Value(f"SETTING_{self.setting.upper()}")
        note.date_of_service = self.date
        if self.age is not None or self.sex is not None:
            sex = Sex.Value(f"SEX_{self.sex.upper()}") if self.sex else Sex.SEX_UNSPECIFIED
            note.patient.CopyFrom(Patient(age_years=self.age, sex=sex))


def iso_date(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str:
    """Check a date; empty stands for none."""
    if value is None:
        return ""
    try:
        return dt.date.fromisoformat(value).isoformat()
    except ValueError:
        raise click.BadParameter("must be a date as YYYY-MM-DD") from None


def connection_options(command: Command) -> Command:
    """Give a command the options of the connection, as one argument `connection`."""
    return _bundle(
        command,
        "connection",
        ConnectionOptions,
        click.option(
            "--target",
            envvar="BERTILLON_TARGET",
            default=DEFAULT_TARGET,
            show_default=True,
            show_envvar=True,
            help="Server, as host:port.",
        ),
        click.option("--tls", is_flag=True, help="Use TLS; implied by the other TLS options."),
        click.option(
            "--tls-root", type=FILE, envvar="BERTILLON_TLS_ROOT", help="PEM file of the roots to trust."
        ),
        click.option("--tls-cert", type=FILE, envvar="BERTILLON_TLS_CERT", help="PEM file, own certificate."),
        click.option("--tls-key", type=FILE, envvar="BERTILLON_TLS_KEY", help="PEM file, key to it."),
        click.option("--tls-server-name", default="", help="Name expected in the server's certificate."),
        click.option(
            "--token-file", type=FILE, envvar="BERTILLON_TOKEN_FILE", help="File that holds a bearer token."
        ),
        click.option(
            "--timeout",
            type=click.FloatRange(min=0, min_open=True),
            help="Deadline in seconds; over many notes, that of the whole run.",
        ),
    )


def note_options(command: Command) -> Command:
    """Give a command the options of a note, as one argument `about`."""
    return _bundle(
        command,
        "about",
        NoteOptions,
        click.option("--setting", type=click.Choice(SETTINGS), help="Where the encounter took place."),
        click.option("--date", callback=iso_date, metavar="YYYY-MM-DD", help="Date of service."),
        click.option("--age", type=click.IntRange(0, 150), help="Age of the patient in years."),
        click.option("--sex", type=click.Choice(SEXES), help="Sex of the patient as recorded."),
    )


def coding_options(command: Command) -> Command:
    """Give a command the options of coding, as one argument `options`."""
    return _bundle(
        command,
        "options",
        _coding_options,
        click.option(
            "--profile", type=click.Choice(["encounter", "all-mentions"]), help="What counts as codeable."
        ),
        click.option(
            "--min-confidence", type=click.FloatRange(0, 1), help="Least confidence of an encounter code."
        ),
        click.option("--alternatives", type=click.IntRange(0, 50), help="Most alternatives per mention."),
        click.option("--system", multiple=True, help="Code system to use; may be repeated."),
    )


def _coding_options(
    *, profile: str | None, min_confidence: float | None, alternatives: int | None, system: tuple[str, ...]
) -> CodingOptions:
    name = (profile or "unspecified").upper().replace("-", "_")
    return CodingOptions(
        code_systems=system,
        profile=CodingProfile.Value(f"CODING_PROFILE_{name}"),
        min_confidence=min_confidence,
        max_alternatives=alternatives,
        offset_unit=OffsetUnit.OFFSET_UNIT_CODE_POINTS,
    )


def _bundle(
    command: Command, argument: str, make: Callable[..., Any], *options: Callable[[Any], Any]
) -> Command:
    """Add options and hand them to the command as one value."""

    @functools.wraps(command)
    def bundled(**values: Any) -> Any:  # noqa: ANN401 - a command returns what it likes
        own = {name: values.pop(name) for name in names}
        return command(**values, **{argument: make(**own)})

    before = len(getattr(bundled, "__click_params__", []))
    for option in reversed(options):
        option(bundled)
    names = [parameter.name for parameter in bundled.__click_params__[before:]]  # type: ignore[attr-defined]
    return bundled  # type: ignore[return-value]
