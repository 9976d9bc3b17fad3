"""Compiles the code catalog when the distribution is built, editable installs included."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class CatalogBuildHook(BuildHookInterface):  # type: ignore[misc]
    """Runs the compiler from the source tree; it needs the standard library and the source package only."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile before the files are collected; `version` is the kind of build, not of the product."""
        del version, build_data
        if self.target_name != "wheel":
            return  # a source distribution carries the sources, and its wheel is built from them
        source = str(Path(self.root) / "src")
        sys.path.insert(0, source)
        try:
            from bertillon_server.catalog.compiling import compile_packaged  # noqa: PLC0415

            compile_packaged(Path(self.root) / "src/bertillon_server/catalog/data/icd-10-cm.sqlite")
        finally:
            sys.path.remove(source)
