"""Command-line flags made from the settings, so that help, environment and files never differ."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import UnionType
from typing import Any, Literal, get_args, get_origin

import click
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from bertillon_server.app.settings import NOT_FLAGS, Settings


def settings_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command a flag for every setting that is no secret."""
    for name, field in reversed(Settings.model_fields.items()):
        if name not in NOT_FLAGS:
            command = _option(name, field)(command)
    return click.option(
        "--config",
        type=click.Path(path_type=Path),
        envvar="BERTILLON_CONFIG",
        help="TOML file with settings. Environment variables go before it and flags before both. "
        "[env: BERTILLON_CONFIG]",
    )(command)


def _option(name: str, field: FieldInfo) -> Callable[[Callable[..., None]], Callable[..., None]]:
    flag = "--" + name.replace("_", "-")
    kind = _plain(field.annotation)
    text = f"{field.description} [{_default(field)}env: BERTILLON_{name.upper()}]"
    if kind is bool:
        return click.option(f"{flag}/--no-{flag[2:]}", default=None, help=text)
    if get_origin(kind) is Literal:
        return click.option(flag, type=click.Choice(get_args(kind)), default=None, help=text)
    return click.option(flag, type=str if kind is Path else kind, default=None, help=text)


def _plain(annotation: Any) -> Any:  # noqa: ANN401 - a type, which click takes as such
    """Return the type of an optional setting without its None."""
    if get_origin(annotation) is UnionType:
        return next(kind for kind in get_args(annotation) if kind is not type(None))
    return annotation


def _default(field: FieldInfo) -> str:
    if field.default is None or field.default is PydanticUndefined:
        return ""
    return f"default: {field.default}; "
