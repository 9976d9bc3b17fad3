"""The job as a Mosec worker: a Rust server in front, processes of Python behind, notes batched as they wait.

`python -m benchmarks.peers.servers.mosec_app --port N`; processes and the largest batch come from the environment.
"""

from __future__ import annotations

import os

from mosec import Server, Worker

from benchmarks.peers.servers.note_job import NoteJob

PROCESSES = int(os.environ.get("PEER_PROCESSES", "2"))
BATCH = int(os.environ.get("PEER_BATCH", "1"))


class Coding(Worker):
    """One process that codes notes, some at a time where batching is on."""

    def __init__(self) -> None:
        super().__init__()
        self._job = NoteJob.from_environment()

    def deserialize(self, data: bytes) -> str:
        """Return the note that is the body."""
        return data.decode()

    def serialize(self, data: str) -> bytes:
        """Return the reply's body."""
        return data.encode()

    def forward(self, data: str | list[str]) -> str | list[str]:
        """Code a note, or with batching a list of them."""
        return self._job.code([data])[0] if isinstance(data, str) else self._job.code(data)


if __name__ == "__main__":
    server = Server()
    # No waiting for company: a batch is what has come in while the process was busy.
    server.append_worker(Coding, num=PROCESSES, max_batch_size=BATCH, max_wait_time=1 if BATCH > 1 else 0)
    server.run()
