"""Writes the tables of settings into `docs/configuration.md` from the server's own definitions.

`python docs/generate.py` writes them; with `--check` it exits with 1 where they are not current.
"""

# ruff: noqa: INP001 - a program, in no package

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from pydantic.fields import FieldInfo

from bertillon_server.app.settings import NOT_FLAGS, Settings
from bertillon_server.inference.batching import BATCH_TOKENS
from bertillon_server.inference.scheduler import MAX_QUEUED_TOKENS

PAGE = Path(__file__).with_name("configuration.md")
BEGIN = "<!-- settings: written by docs/generate.py, edited in the server's settings -->"
END = "<!-- end of settings -->"

# Every setting stands in one group; the order is that of the page.
GROUPS: dict[str, tuple[str, ...]] = {
    "Where to serve, and what": (
        "address",
        "worker_port",
        "bundle",
        "catalog_dir",
        "metrics_address",
        "reflection",
        "channelz",
    ),
    "Work and memory": (
        "workers",
        "threads",
        "coding_processes",
        "cache_bytes",
        "max_queued_tokens",
        "max_batch_tokens",
        "max_concurrent_rpcs",
        "max_concurrent_streams",
        "bulk_notes_in_flight",
    ),
    "Size of what is accepted": (
        "max_note_code_points",
        "max_section_code_points",
        "max_audit_codes",
        "max_message_bytes",
        "max_metadata_bytes",
    ),
    "Who may call": (
        "tls_certificate",
        "tls_key",
        "tls_client_ca",
        "allow_plaintext",
        "tokens_file",
        "tokens",
    ),
    "Connections": ("stall_timeout_s", "keepalive_time_s", "keepalive_timeout_s", "min_ping_interval_s"),
    "Audit": ("audit_rules_off",),
    "Stopping": ("settle_s", "grace_s"),
    "Logs": ("log_level", "log_file"),
}
# Defaults that the settings leave to another part of the server.
_WORKED_OUT = {
    "catalog_dir": "`~/.local/share/bertillon/catalog`",
    "threads": "the usable cores divided by `workers`",
    "coding_processes": "`threads`, none where that is 1",
    "max_message_bytes": "from the longest note",
    "max_queued_tokens": f"`{MAX_QUEUED_TOKENS}`",
    "max_batch_tokens": f"`{BATCH_TOKENS}`",
    "log_file": "standard error",
}
_SIGNS = {Ge: "at least", Gt: "more than", Le: "at most", Lt: "less than"}


def tables() -> str:
    """Return all groups of settings as Markdown. Raises ValueError for a setting that is in no group or in two."""
    grouped = [name for names in GROUPS.values() for name in names]
    if sorted(grouped) != sorted(Settings.model_fields):
        odd = sorted(set(Settings.model_fields) ^ set(grouped))
        raise ValueError(f"each setting belongs in one group: see {', '.join(odd) or 'those listed twice'}")
    parts = []
    for title, names in GROUPS.items():
        rows = [_row(name, Settings.model_fields[name]) for name in names]
        head = (
            "| Setting | Default | Allowed | What it is, and when to change it |",
            "| --- | --- | --- | --- |",
        )
        parts.append("\n".join((f"### {title}", "", *head, *rows)))
    return "\n\n".join(parts)


def with_tables(page: str) -> str:
    """Return the page with the tables between its markers brought up to date."""
    before, begun, rest = page.partition(BEGIN)
    _, ended, after = rest.partition(END)
    if not begun or not ended:
        raise ValueError(f"the page has no pair of markers {BEGIN} and {END}")
    return f"{before}{BEGIN}\n\n{tables()}\n\n{END}{after}"


def _row(name: str, field: FieldInfo) -> str:
    where = "" if name not in NOT_FLAGS else " (environment or file only)"
    text = f"{field.description}{where}".replace("|", "\\|")
    return f"| `{name}` | {_default(name, field)} | {_allowed(field)} | {text} |"


def _default(name: str, field: FieldInfo) -> str:
    if name in _WORKED_OUT:
        return _WORKED_OUT[name]
    value = field.default
    if value is None:
        return "none"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _allowed(field: FieldInfo) -> str:
    kind: Any = field.annotation
    if get_origin(kind) is Literal:
        return ", ".join(f"`{value}`" for value in get_args(kind))
    if kind is bool:
        return "`true`, `false`"
    bounds = []
    for bound in field.metadata:
        for sign, words in _SIGNS.items():
            if isinstance(bound, sign):
                number = getattr(bound, sign.__name__.lower())
                bounds.append(f"{words} {number:,}")
    return ", ".join(bounds)


def main() -> int:
    """Write the page, or check it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 if not current")
    parser.add_argument("--page", type=Path, default=PAGE, help="the page to write into")
    options = parser.parse_args()
    written = options.page.read_text(encoding="utf-8")
    current = with_tables(written)
    if options.check:
        if written != current:
            sys.stderr.write(f"{options.page} is not current: run python docs/generate.py\n")
        return int(written != current)
    options.page.write_text(current, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
