"""`bertillon-models`: makes and judges model bundles.

A registry: each command lives with what it runs and is imported when it is asked for, because evaluating
must not need what exporting needs.
"""

from __future__ import annotations

import importlib
from typing import cast

import click

# Name of a command: the module and the attribute where it is.
COMMANDS = {
    "book": "bertillon_models.book_command:book",
    "build-bundle": "bertillon_models.build_command:build_bundle",
    "calibrate": "bertillon_models.calibrate_command:calibrate_command",
    "check-corpus": "bertillon_models.corpus_check:check_corpus",
    "evaluate": "bertillon_models.evaluation.command:evaluate",
    "evaluate-audit": "bertillon_models.evaluation.audit_command:evaluate_audit",
    "evaluate-procedures": "bertillon_models.evaluation.procedures_command:evaluate_procedures",
    "export-reference": "bertillon_models.build_command:export_reference",
    "fine-tune": "bertillon_models.training.fine_tune:fine_tune",
    "install": "bertillon_models.install_command:install",
    "recalibrate": "bertillon_models.recalibration:recalibrate",
    "recipe": "bertillon_models.recipe:recipe",
    "reindex": "bertillon_models.reindexing:reindex",
    "report": "bertillon_models.report_command:report",
    "train": "bertillon_models.training.command:train",
}


class _Registry(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name].partition(":")
        try:
            return cast("click.Command", getattr(importlib.import_module(module), attribute))
        except ModuleNotFoundError as error:
            ctx.fail(f"{cmd_name} needs {error.name}, which is not installed")


@click.group(cls=_Registry, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Make and judge model bundles."""
