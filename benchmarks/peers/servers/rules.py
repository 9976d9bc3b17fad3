"""Notes to ICD-10-CM candidates by rules alone: medspaCy with the terms of our term index.

`python -m benchmarks.peers.servers.rules TERMS PROCESSES` reads terms (`text<TAB>code` a line), loads the pipeline,
prints `ready`, and then for each line of standard input, a JSON list of notes, prints a JSON object with the seconds
that coding them in so many processes took, and the codes of each note. Sentences are PyRuSH's, terms are found by the
TargetMatcher (spaCy's PhraseMatcher on lower case), negation, history, doubt and family by ConText, sections by the
Sectionizer.
"""

from __future__ import annotations

import csv
import json
import multiprocessing
import sys
import time
from pathlib import Path
from typing import Any

import loguru
import medspacy
from medspacy.ner import TargetRule

PIPES = ("medspacy_pyrush", "medspacy_target_matcher", "medspacy_context", "medspacy_sectionizer")
# Notes that a process takes at once: with more, others would wait at the end for the one that still has some.
CHUNK = 1

_pipeline: Any = None


def _load(terms: Path) -> Any:  # noqa: ANN401 - a pipeline of spaCy
    # The sentence splitter tells each step of each note otherwise, which takes most of the time and quotes the text.
    loguru.logger.remove()
    loguru.logger.disable("PyRuSH")
    pipeline = medspacy.load(medspacy_enable=PIPES)
    with terms.open(encoding="utf-8", newline="") as lines:
        rows = csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
        rules = [TargetRule(text, "CONDITION", metadata={"code": code}) for text, code in rows]
    pipeline.get_pipe("medspacy_target_matcher").add(rules)
    return pipeline


def _code(text: str) -> list[list[object]]:
    """Return the candidates of a note, [code, [[start, end], ...]], those that are asserted of the patient now."""
    spans: dict[str, list[list[int]]] = {}
    for entity in _pipeline(text).ents:
        said = entity._
        if said.is_negated or said.is_family or said.is_hypothetical or said.is_historical:
            continue
        code = said.target_rule.metadata["code"]
        spans.setdefault(code, []).append([entity.start_char, entity.end_char])
    return [[code, places] for code, places in spans.items()]


def main() -> None:
    """Load, and code what comes in."""
    global _pipeline  # noqa: PLW0603 - processes are forked from the one that has loaded it
    _pipeline = _load(Path(sys.argv[1]))
    with multiprocessing.get_context("fork").Pool(int(sys.argv[2])) as pool:
        print("ready", flush=True)
        for line in sys.stdin:
            notes = json.loads(line)
            began = time.perf_counter()
            coded = pool.map(_code, notes, CHUNK)
            print(json.dumps({"seconds": time.perf_counter() - began, "coded": coded}), flush=True)


if __name__ == "__main__":
    main()
