"""Build hook: generates the contract's Python code, with type stubs, from the .proto files."""

from __future__ import annotations

import importlib.resources
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class ContractBuildHook(BuildHookInterface):  # type: ignore[misc]
    """Runs protoc for wheels and editable installs; the result is never edited nor committed."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002
        """Generate `bertillon/coding/v1` below `src`."""
        from grpc_tools import protoc  # noqa: PLC0415 - a build requirement, absent at run time

        root = Path(self.root)
        # A checkout keeps the contract beside the client; a source distribution carries it inside.
        contract = next(p for p in (root / "proto", root.parent / "proto") if p.is_dir())
        output = root / "src"
        files = sorted(str(p.relative_to(contract)) for p in contract.rglob("*.proto"))
        well_known = str(importlib.resources.files("grpc_tools") / "_proto")
        scripts = Path(sys.executable).parent
        plugins = [
            f"--plugin=protoc-gen-{name}={scripts / f'protoc-gen-{name}'}"
            for name in ("mypy", "mypy_grpc")
            if (scripts / f"protoc-gen-{name}").exists()
        ]
        arguments = [
            "protoc",
            f"-I{contract}",
            f"-I{well_known}",
            *plugins,
            f"--python_out={output}",
            f"--grpc_python_out={output}",
            f"--mypy_out={output}",
            f"--mypy_grpc_out={output}",
            *files,
        ]
        if protoc.main(arguments) != 0:
            message = "protoc failed on the contract; see its messages above"
            raise RuntimeError(message)
        for package in {(output / file).parent for file in files}:
            for directory in (package, package.parent):
                (directory / "__init__.py").write_text('"""Generated from proto/; never edited."""\n')
