"""The job as a custom runtime of MLServer; its settings come from MLServer's own variables of the environment."""

from __future__ import annotations

from mlserver import MLModel
from mlserver.codecs import StringCodec
from mlserver.types import InferenceRequest, InferenceResponse

from benchmarks.peers.servers.note_job import NoteJob


class Coding(MLModel):
    """The model of one inference worker. Requests that adaptive batching has put together come as one."""

    async def load(self) -> bool:
        """Load the job in a worker process."""
        self._job = NoteJob.from_environment()
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        """Code the notes of a request."""
        coded = self._job.code(StringCodec.decode_input(payload.inputs[0]))
        return InferenceResponse(model_name=self.name, outputs=[StringCodec.encode_output("coded", coded)])
