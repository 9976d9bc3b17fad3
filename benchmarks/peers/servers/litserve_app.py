"""The job as a LitServe API: a FastAPI front, worker processes behind.

`python -m benchmarks.peers.servers.litserve_app PORT`; the processes and the largest batch come from the environment.
"""

# Annotations must be values here: the framework reads those of `decode_request` to see what a request is.
import os
import sys
from typing import Any

import litserve

from benchmarks.peers.servers.note_job import NoteJob

PROCESSES = int(os.environ.get("PEER_PROCESSES", "2"))
BATCH = int(os.environ.get("PEER_BATCH", "1"))


class Coding(litserve.LitAPI):
    """One process that codes notes, some at a time where batching is on."""

    def setup(self, device: str) -> None:  # noqa: ARG002 - the framework's signature
        """Load the job in a worker process."""
        self._job = NoteJob.from_environment()

    def decode_request(self, request):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
        """Return the note of a request."""
        return str(request["text"])

    def predict(self, notes: str | list[str]) -> str | list[str]:
        """Code a note, or with batching a list of them."""
        return self._job.code([notes])[0] if isinstance(notes, str) else self._job.code(notes)

    def encode_response(self, coded: str) -> dict[str, Any]:
        """Return the reply's body."""
        return {"coded": coded}


if __name__ == "__main__":
    api = Coding(max_batch_size=BATCH, batch_timeout=0.001 if BATCH > 1 else 0.0)
    server = litserve.LitServer(api, accelerator="cpu", workers_per_device=PROCESSES)
    server.run(host="127.0.0.1", port=int(sys.argv[1]), generate_client_file=False, log_level="warning")
