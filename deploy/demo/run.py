"""Codes the sample note through a real server on a free port: what `make demo` runs."""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
import time
from pathlib import Path

READY = "serving on "
# A cold start on a slow machine; a warm one takes a few seconds.
START_LIMIT_S = 60.0
STOP_LIMIT_S = 30.0


def main() -> int:
    """Start the server, code the note with the command-line client, stop the server."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--note", type=Path, default=Path(__file__).with_name("note.txt"))
    parser.add_argument("--bundle", type=Path, default=Path("models/current"))
    options = parser.parse_args()
    programs = Path(sys.executable).parent
    began = time.monotonic()
    serve = [programs / "bertillon-server", "serve", "--address", "127.0.0.1:0", "--metrics-address", ""]
    server = subprocess.Popen(  # noqa: S603 - our own program
        [*map(str, serve), "--bundle", str(options.bundle), "--log-level", "warning"],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        target = _target(server)
        print(f"bertillon-server is serving on {target} after {time.monotonic() - began:.1f} s\n", flush=True)
        code = [programs / "bertillon", "code", options.note, "--target", target, "--date", "2026-05-11"]
        finished = subprocess.run(list(map(str, code)), check=False)  # noqa: S603 - our own program
    finally:
        server.send_signal(signal.SIGTERM)
        stopped = server.wait(STOP_LIMIT_S)
    print(f"\nserver stopped with exit code {stopped}")
    return finished.returncode or stopped


def _target(server: subprocess.Popen[str]) -> str:
    deadline = time.monotonic() + START_LIMIT_S
    while time.monotonic() < deadline and server.stdout is not None:
        line = server.stdout.readline()
        if line.startswith(READY):
            return line.removeprefix(READY).strip()
        if not line:
            break
    raise SystemExit("the server did not start; its message is above")


if __name__ == "__main__":
    sys.exit(main())
