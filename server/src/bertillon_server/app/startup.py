"""Why a server does not start: one sentence for the operator, and an exit code."""

from __future__ import annotations


class StartupError(Exception):
    """Something the server needs is missing, damaged or taken; nothing has been served. Exit code 1."""

    exit_code = 1


class SettingsError(StartupError):
    """A setting is wrong or settings contradict each other. Exit code 2."""

    exit_code = 2
