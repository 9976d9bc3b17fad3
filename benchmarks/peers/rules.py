"""The pipeline of rules: the terms that it gets, and the processes that run it."""

from __future__ import annotations

import itertools
import json
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType

import numpy as np

from benchmarks.peers.environments import cores, environment_for, missing, python_of
from benchmarks.peers.equality import Coded, coded_from_json
from benchmarks.peers.running import UnavailableError
from benchmarks.service import ROOT
from bertillon_models.code_set import read_code_table
from bertillon_models.terms import Term, keys_of, read_lexicon, read_terminology
from bertillon_server.bundle.loader import load_bundle
from bertillon_server.coding.knowledge import TERMS_FILE

NAME, TITLE, PACKAGES = "medspacy", "medspaCy rules", ("medspacy", "spacy")
LEXICON = ROOT / "models" / "lexicon"
# Spaces and line breaks would end a row of the file.
_BLANKS = MappingProxyType(str.maketrans("\t\n\r", "   "))


class Rules:
    """The pipeline in as many processes as there are cores."""

    def __init__(self, process: subprocess.Popen[str], terms: int) -> None:
        self._process = process
        self.terms = terms

    def code(self, texts: Sequence[str]) -> tuple[float, list[Coded]]:
        """Return the seconds that coding notes took, and the candidates of each; raises UnavailableError."""
        assert self._process.stdin is not None  # noqa: S101 - both are pipes
        assert self._process.stdout is not None  # noqa: S101
        self._process.stdin.write(json.dumps(list(texts)) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise UnavailableError(f"it ended with exit code {self._process.wait()}")
        reply = json.loads(line)
        return reply["seconds"], [coded_from_json(json.dumps(coded)) for coded in reply["coded"]]


@contextmanager
def rules(bundle: Path, terminology: Path | None) -> Iterator[Rules]:
    """Run the pipeline with the terms of a bundle's index while the block does; raises UnavailableError."""
    if reason := missing(NAME):
        raise UnavailableError(reason)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows = list(indexed_terms(bundle, terminology))
        file = folder / "terms.tsv"
        file.write_text("".join(f"{text}\t{code}\n" for text, code in rows), "utf-8")
        with (folder / "errors.txt").open("w+") as errors:
            process = subprocess.Popen(
                [python_of(NAME), "-m", "benchmarks.peers.servers.rules", file, str(cores())],
                cwd=folder,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                env=environment_for(NAME, bundle, processes=cores(), threads=1, batch=1),
            )
            try:
                if process.stdout is None or process.stdout.readline() != "ready\n":
                    process.wait(30)
                    said = (folder / "errors.txt").read_text("utf-8").strip().splitlines()
                    raise UnavailableError(f"it did not start: {said[-1] if said else 'it said nothing'}")
                yield Rules(process, len(rows))
            finally:
                # Ending its input ends it, and its pool with it.
                if process.stdin is not None:
                    process.stdin.close()
                try:
                    process.wait(30)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait(30)


def indexed_terms(bundle: Path, terminology: Path | None) -> Iterator[tuple[str, str]]:
    """Yield the terms of a bundle's index as text and code, each text once, the project's lexicon first.

    The index keeps hashes and no texts, so the texts come from what it was built from and count where the index has
    their hash: the lexicon and `terminology`, the file that `make model` was given, or where that is not at hand the
    titles of the code set.
    """
    known = set(np.load(load_bundle(bundle).path(TERMS_FILE), allow_pickle=False)["key"].tolist())
    if terminology is None:
        titles = read_code_table().titles
        rest: Iterator[Term] = (Term(title, code, "title") for code, title in titles.items())
    else:
        rest = read_terminology(terminology)
    seen = set()
    for term in itertools.chain(read_lexicon(LEXICON), rest):
        text = " ".join(term.text.translate(_BLANKS).split())
        if text.lower() not in seen and any(key in known for key, _ in keys_of(term)):
            seen.add(text.lower())
            yield text, term.code
