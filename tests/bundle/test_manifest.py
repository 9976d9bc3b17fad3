"""A manifest says what it is strictly, and comes back as it was written."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bertillon_server.bundle.manifest import (
    SCHEMA_VERSION,
    Canary,
    CodeSet,
    FileEntry,
    Manifest,
    ManifestError,
    SourceEntry,
    parse_manifest,
)

_text = st.text(max_size=20)
_values = st.dictionaries(_text, st.one_of(_text, st.integers(-(2**50), 2**50), st.booleans()), max_size=4)
_manifests = st.builds(
    Manifest,
    schema_version=st.just(SCHEMA_VERSION),
    name=_text,
    version=_text,
    licence=_text,
    files=st.lists(st.builds(FileEntry, _text, _text, st.integers(0, 2**40)), max_size=3).map(tuple),
    sources=st.lists(st.builds(SourceEntry, _text, _text, _text, _text, _text, _text), max_size=3).map(tuple),
    code_sets=st.lists(st.builds(CodeSet, _text, _text), max_size=3).map(tuple),
    canary=st.builds(Canary, _text, st.lists(_text, max_size=3).map(tuple)),
    recipe=_values,
    metrics=_values,
)
_MANIFEST = Manifest(
    schema_version=SCHEMA_VERSION,
    name="general",
    version="1",
    licence="Apache-2.0",
    files=(FileEntry("encoder.onnx", "00", 1),),
    sources=(),
    code_sets=(),
    canary=Canary("cough", ("R05.9",)),
)


@given(_manifests)
def test_a_manifest_comes_back_as_it_was_written(manifest: Manifest) -> None:
    assert parse_manifest(manifest.to_json()) == manifest


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"surprise": 1}, "surprise"),
        ({"name": 5}, "name"),
        ({"files": [{"path": "a", "sha256": "0", "size": "1"}]}, r"files\.0\.size"),
        ({"canary": {"text": "a"}}, r"canary\.codes"),
        ({"schema_version": 1}, "schema version is 1 and this release reads 3"),
    ],
)
def test_what_is_wrong_is_named(change: dict[str, object], reason: str) -> None:
    content = json.loads(_MANIFEST.to_json()) | change
    with pytest.raises(ManifestError, match=reason):
        parse_manifest(json.dumps(content))


def test_a_reason_does_not_quote_the_value() -> None:
    with pytest.raises(ManifestError) as caught:
        parse_manifest(json.dumps(json.loads(_MANIFEST.to_json()) | {"files": ["SENTINEL"]}))
    assert "SENTINEL" not in str(caught.value)
