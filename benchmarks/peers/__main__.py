"""`python -m benchmarks.peers`."""

from benchmarks.peers.cli import peers

peers(prog_name="python -m benchmarks.peers")
