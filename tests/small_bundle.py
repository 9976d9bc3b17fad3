"""A bundle with a random encoder of two layers: real files of every kind, made in a moment."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer as Library
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer
from tokenizers.processors import TemplateProcessing

from bertillon_models.build import BundleDescription, quantise_encoder, write_manifest
from bertillon_models.vectors import build_vectors, write_vectors
from bertillon_models.weights import EncoderShape, EncoderWeights, Floats, Layer, Linear, Norm
from bertillon_server.bundle.manifest import TOKENIZER_FILE, Canary, CodeSet, Manifest, SourceEntry
from bertillon_server.coding.heads import HEAD_WIDTH
from bertillon_server.inference.encoder import Encoder
from bertillon_server.inference.tokenizer import Tokenizer

SHAPE = EncoderShape(
    layers=2, hidden=32, heads=4, intermediate=64, vocabulary=256, positions=128, norm_epsilon=1e-12
)
TEXTS = ("heart failure", "acute heart failure", "chronic kidney disease", "pain", "chest pain", "cough")
_WORDS = "heart failure acute chronic kidney disease pain chest cough ##s no of the . , -".split()


def random_weights(seed: int = 0, *, shape: EncoderShape = SHAPE, outliers: bool = True) -> EncoderWeights:
    """Return random weights; with outliers, a few channels are far larger than the rest, as in real encoders."""
    random = np.random.default_rng(seed)

    def array(*size: int, scale: float) -> Floats:
        return random.normal(0, scale, size).astype(np.float32)

    def linear(inputs: int, outputs: int) -> Linear:
        return Linear(array(inputs, outputs, scale=inputs**-0.5), array(outputs, scale=0.1))

    def norm() -> Norm:
        gain = 1 + array(shape.hidden, scale=0.1)
        if outliers:
            gain[::16] *= 12
        return Norm(gain, array(shape.hidden, scale=0.1))

    def layer() -> Layer:
        hidden, wide = shape.hidden, shape.intermediate
        return Layer(
            qkv=linear(hidden, 3 * hidden),
            attention_out=linear(hidden, hidden),
            attention_norm=norm(),
            expand=linear(hidden, wide),
            contract=linear(wide, hidden),
            output_norm=norm(),
        )

    return EncoderWeights(
        shape=shape,
        words=array(shape.vocabulary, shape.hidden, scale=0.5),
        positions=array(shape.positions, shape.hidden, scale=0.2),
        embedding_norm=norm(),
        layers=tuple(layer() for _ in range(shape.layers)),
        heads=linear(shape.hidden, HEAD_WIDTH),
    )


def write_tokenizer(file: Path) -> Path:
    """Write a lower-casing WordPiece tokenizer that pads and truncates to 8, as published ones do to 128."""
    letters = [chr(code) for code in range(ord("a"), ord("z") + 1)]
    pieces = [
        "[PAD]",
        "[UNK]",
        "[CLS]",
        "[SEP]",
        *_WORDS,
        *letters,
        *(f"##{letter}" for letter in letters if letter != "s"),
    ]
    library = Library(WordPiece({piece: place for place, piece in enumerate(pieces)}, unk_token="[UNK]"))  # noqa: S106
    library.normalizer = BertNormalizer(lowercase=True)
    library.pre_tokenizer = BertPreTokenizer()
    library.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]",
        special_tokens=[("[CLS]", pieces.index("[CLS]")), ("[SEP]", pieces.index("[SEP]"))],
    )
    library.enable_padding(length=8)
    library.enable_truncation(8)
    library.save(str(file))
    return file


def write_small_bundle(folder: Path, texts: Sequence[str] = TEXTS) -> Manifest:
    """Write a complete bundle with the texts' vectors into an empty folder."""
    tokenizer = Tokenizer.from_file(write_tokenizer(folder / TOKENIZER_FILE))
    recipe = quantise_encoder(random_weights(), tokenizer.encode(texts, max_tokens=32), folder)
    encoder = Encoder(folder / "encoder.onnx")
    vectors = build_vectors(texts, encoder, tokenizer, dimensions=SHAPE.hidden, show_progress=False)
    write_vectors(vectors, folder)
    return write_manifest(folder, dataclasses.replace(DESCRIPTION, recipe=recipe))


def edit_manifest(folder: Path, **changes: object) -> None:
    """Overwrite fields of the manifest in a bundle."""
    file = folder / "manifest.json"
    file.write_text(json.dumps(json.loads(file.read_text("utf-8")) | changes), encoding="utf-8")


DESCRIPTION = BundleDescription(
    name="small",
    version="1",
    licence="Apache-2.0",
    sources=(SourceEntry("random", "1", "CC0-1.0", "a random number generator", "encoder weights"),),
    code_sets=(CodeSet("icd-10-cm", "2026-04-01"),),
    canary=Canary("Assessment: cough.", ("R05.9",)),
    recipe={},
    metrics={"recall_at_1": 0.5},
)
