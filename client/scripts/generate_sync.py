"""Write the synchronous half of the client from the asynchronous one, or check that it is current.

    python client/scripts/generate_sync.py [--check]

The source is `bertillon/_async`; what differs between the halves is a table of words. Needs ruff for the
layout of the result.
"""

# ruff: noqa: INP001 - a command, not a package

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1] / "src" / "bertillon"
NOTICE = "# Generated from {} by client/scripts/generate_sync.py; edit that file instead.\n"

# In order: the first entries are longer than the ones that they contain.
WORDS = [
    (r"AsyncGenerator", "Generator"),
    (r"AsyncIterable\[(\w+)\] \| Iterable\[\1\]", r"Iterable[\1]"),
    (r"AsyncIterable, ", ""),
    (r"AsyncIterator", "Iterator"),
    (r"StopAsyncIteration", "StopIteration"),
    (r"Async(?=[A-Z])", ""),
    (r"_async\b(?=\.)", "_sync"),
    (r"open_async\(", "open("),
    (r"async_steps", "steps"),
    (r"grpc\.aio\.Channel", "grpc.Channel"),
    (r"__aenter__", "__enter__"),
    (r"__aexit__", "__exit__"),
    (r"\baclose\(", "close("),
    (r"\banext\(", "next("),
    (r"\[(\w+) async for \1 in (\w+)\]", r"list(\2)"),
    (r"\basync (?=def|for|with)", ""),
    (r"\bawait ", ""),
    (r"# ruff: noqa: ASYNC109.*\n\n", ""),
    (r", for asyncio\. Make it inside the running event loop\.", "."),
    (r"all tasks of its loop", "threads"),
    (r"asynchronous client, which is the source of the synchronous one", "synchronous client"),
]


def translate(source: str) -> str:
    """Return the synchronous counterpart of a module's source."""
    for pattern, replacement in WORDS:
        source = re.sub(pattern, replacement, source)
    return source


def layout(source: str, name: str) -> str:
    """Return the source sorted and formatted as the repository has it."""
    for command in (["check", "--select=I", "--fix", "--exit-zero", "--quiet"], ["format", "--quiet"]):
        source = subprocess.run(  # noqa: S603 - fixed arguments
            [sys.executable, "-m", "ruff", *command, f"--stdin-filename={name}", "-"],
            input=source,
            capture_output=True,
            text=True,
            check=True,
            cwd=PACKAGE,
        ).stdout
    return source


def main() -> int:
    """Run the command; returns its exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if a file is not current")
    check = parser.parse_args().check
    stale = []
    for path in sorted((PACKAGE / "_async").glob("*.py")):
        target = PACKAGE / "_sync" / path.name
        notice = NOTICE.format(f"_async/{path.name}")
        generated = layout(notice + translate(path.read_text()), str(target))
        if target.exists() and target.read_text() == generated:
            continue
        stale.append(target.name)
        if not check:
            target.write_text(generated)
    if check and stale:
        sys.stderr.write(f"not current, run client/scripts/generate_sync.py: {', '.join(stale)}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
