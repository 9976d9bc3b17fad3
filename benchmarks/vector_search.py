"""The search of concept vectors against libraries for approximate search: what each finds, and how long it takes.

`python -m benchmarks.vector_search` reads the vectors of a bundle, encodes the phrases that the corpus annotates,
each by itself, and asks every searcher for the 24 neighbours of each: the server's own, and those of `hnswlib`,
`usearch` and `faiss-cpu`, where they are installed (no dependency; one that is missing is skipped and says so).

- `recall`: the share of the 24 nearest in exact fp32 that are found.
- `one_ms`, `sixteen_ms`: median of one call with a single query, and with 16, as many as a dense section has; in one
  thread, rounds of all searchers by turns.
- `build_s`, `built_mb`: what a graph costs beside the vectors, to be paid at start or shipped.
"""

from __future__ import annotations

import argparse
import importlib
import json
import random
import re
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.machine import environment
from benchmarks.notes import CORPUS
from benchmarks.service import BUNDLE
from bertillon_server.bundle.loader import load_bundle
from bertillon_server.bundle.manifest import ENCODER_FILE
from bertillon_server.coding.heads import pooled
from bertillon_server.coding.knowledge import Learned, load_learned
from bertillon_server.inference.concepts import concept_vectors
from bertillon_server.inference.encoder import Encoder
from bertillon_server.inference.flat_vectors import FlatVectors

K = 24
MANY = 16
Search = Callable[[NDArray[np.float32]], NDArray[np.integer]]
_MENTION = re.compile(r"\{\{([^{}|]+)\|")


@dataclass(frozen=True, slots=True)
class Searcher:
    """A way to search; `search` returns rows [n, K] for queries [n, dimensions]."""

    name: str
    search: Search
    build_s: float = 0.0
    built_mb: float = 0.0


def phrases(count: int, seed: int) -> list[str]:
    """Return different phrases that the notes of the corpus annotate."""
    texts = [path.read_text("utf-8") for path in sorted(CORPUS.glob("*.txt"))]
    known = sorted({phrase for text in texts for phrase in _MENTION.findall(text)})
    return random.Random(seed).sample(known, min(count, len(known)))


def encoded(texts: list[str], learned: Learned, encoder: Encoder) -> NDArray[np.float32]:
    """Return the vectors of phrases, of length 1."""
    dimensions = learned.vectors.dimensions
    return concept_vectors(texts, encoder, learned.tokenizer, dimensions=dimensions, pool=pooled)


def hnswlib(vectors: NDArray[np.float32], library: Any) -> Iterator[Searcher]:  # noqa: ANN401 - no types published
    """Yield searches of a graph at several breadths."""
    began = time.perf_counter()
    index = library.Index(space="ip", dim=vectors.shape[1])
    index.init_index(max_elements=len(vectors), M=16, ef_construction=200, random_seed=1)
    index.set_num_threads(2)
    index.add_items(vectors)
    built = time.perf_counter() - began
    index.set_num_threads(1)
    size = index.index_file_size() / 1e6
    for breadth in (64, 128, 256):

        def search(queries: NDArray[np.float32], breadth: int = breadth) -> NDArray[np.integer]:
            index.set_ef(breadth)
            rows: NDArray[np.integer] = index.knn_query(queries, K, num_threads=1)[0]
            return rows

        yield Searcher(f"hnswlib, ef {breadth}", search, built, size)


def usearch(vectors: NDArray[np.float32], library: Any) -> Iterator[Searcher]:  # noqa: ANN401
    """Yield searches of a graph over int8 at several breadths."""
    began = time.perf_counter()
    index = library.Index(ndim=vectors.shape[1], metric="cos", dtype="i8", connectivity=16, expansion_add=200)
    index.add(np.arange(len(vectors)), vectors, threads=2)
    built = time.perf_counter() - began
    for breadth in (64, 128, 256):

        def search(queries: NDArray[np.float32], breadth: int = breadth) -> NDArray[np.integer]:
            index.expansion_search = breadth
            rows: NDArray[np.integer] = np.atleast_2d(index.search(queries, K, threads=1).keys)
            return rows

        yield Searcher(f"usearch int8, expansion {breadth}", search, built, index.memory_usage / 1e6)


def faiss(vectors: NDArray[np.float32], library: Any) -> Iterator[Searcher]:  # noqa: ANN401
    """Yield searches of lists around centroids, and of a graph."""
    began = time.perf_counter()
    library.omp_set_num_threads(2)
    lists = library.index_factory(vectors.shape[1], "IVF512,SQ8", library.METRIC_INNER_PRODUCT)
    lists.train(vectors)
    lists.add(vectors)
    built = time.perf_counter() - began
    size = len(library.serialize_index(lists)) / 1e6
    for probed in (16, 64):

        def search(queries: NDArray[np.float32], probed: int = probed) -> NDArray[np.integer]:
            library.omp_set_num_threads(1)
            lists.nprobe = probed
            rows: NDArray[np.integer] = lists.search(queries, K)[1]
            return rows

        yield Searcher(f"faiss IVF512 SQ8, {probed} lists", search, built, size)


LIBRARIES = {"hnswlib": hnswlib, "usearch.index": usearch, "faiss": faiss}


def searchers(learned: Learned, vectors: NDArray[np.float32]) -> Iterator[Searcher]:
    """Yield the server's own search and those of the libraries that are there."""
    yield Searcher("the server's", lambda queries: learned.vectors.search(queries, K)[0])
    for name, build in LIBRARIES.items():
        try:
            library = importlib.import_module(name)
        except ImportError as error:
            print(f"skipped {name}: {error}", file=sys.stderr)
            continue
        print(f"building {name}", file=sys.stderr)
        yield from build(vectors, library)


def median_ms(searcher: Searcher, queries: NDArray[np.float32], size: int) -> Iterator[float]:
    """Yield the milliseconds of calls with `size` queries each."""
    for start in range(0, len(queries) - size + 1, size):
        block = queries[start : start + size]
        began = time.perf_counter()
        searcher.search(block)
        yield (time.perf_counter() - began) * 1000


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--bundle", type=Path, default=BUNDLE, help="bundle whose vectors are searched")
    parser.add_argument("--seed", type=int, default=7, help="seed by which phrases are drawn [7]")
    parser.add_argument("--queries", type=int, default=480, help="phrases that are searched [480]")
    parser.add_argument("--rounds", type=int, default=3, help="rounds over all of them [3]")
    options = parser.parse_args()
    bundle = load_bundle(options.bundle)
    learned = load_learned(bundle)
    queries = encoded(phrases(options.queries, options.seed), learned, Encoder(bundle.path(ENCODER_FILE)))
    every = np.arange(len(learned.vectors))
    rows, scales = learned.vectors.rows(every)
    vectors = rows.astype(np.float32) * scales[:, None]
    exact = FlatVectors(rows, scales)
    nearest = [set(exact.nearest(query, K)[0].tolist()) for query in queries]
    found = list(searchers(learned, vectors))
    times: dict[tuple[str, int], list[float]] = {}
    for number in range(options.rounds):
        print(f"round {number + 1} of {options.rounds}", file=sys.stderr)
        for size in (1, MANY):
            for searcher in found:
                times.setdefault((searcher.name, size), []).extend(median_ms(searcher, queries, size))
    figures: dict[str, object] = {"vectors": len(vectors), "queries": len(queries)}
    for searcher in found:
        hits = [
            len(set(row.tolist()) & wanted)
            for row, wanted in zip(searcher.search(queries), nearest, strict=True)
        ]
        figures[searcher.name] = {
            "recall": round(sum(hits) / (K * len(queries)), 4),
            "one_ms": round(statistics.median(times[searcher.name, 1]), 3),
            "sixteen_ms": round(statistics.median(times[searcher.name, MANY]), 3),
            "build_s": round(searcher.build_s, 1),
            "built_mb": round(searcher.built_mb),
        }
    told = {"model": bundle.label, "seed": options.seed, "figures": figures, "environment": environment()}
    print(json.dumps(told, indent=2))


if __name__ == "__main__":
    main()
