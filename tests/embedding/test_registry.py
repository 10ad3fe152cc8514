"""An embedder is opened by its name; the default is the best that is installed."""

from __future__ import annotations

import pytest

from yukawa.core.errors import InputError, MissingPackage
from yukawa.embedding import DEFAULT, open_embedder, settle


@pytest.mark.parametrize(
    ("spec", "dimensions"), [("minilm", 384), ("hash", 256), ("none", 0), (" hash ", 256)]
)
def test_a_name_opens_the_embedder_that_bears_it(spec: str, dimensions: int) -> None:
    embedder = open_embedder(spec)
    assert embedder.name == spec.strip()
    assert embedder.dimensions == dimensions


def test_the_default_is_minilm_where_its_weights_are(monkeypatch: pytest.MonkeyPatch) -> None:
    assert open_embedder().name == settle(DEFAULT) == "minilm"
    monkeypatch.setattr("yukawa.embedding.minilm.find_spec", lambda name: None)
    assert open_embedder().name == settle(DEFAULT) == "none"
    assert settle(" minilm ") == "minilm"
    with pytest.raises(MissingPackage):
        open_embedder("minilm")


@pytest.mark.parametrize(
    ("spec", "hint"),
    [
        ("minlm", "did you mean 'minilm'? allowed: auto, "),
        ("hsh", "did you mean 'hash'? allowed: auto, "),
        ("sentence-transformer:x", "did you mean 'sentence-transformers:NAME_OR_FOLDER'? allowed: auto, "),
        ("sentence-transformers", "did you mean 'sentence-transformers:NAME_OR_FOLDER'? allowed: auto, "),
        ("sentence-transformers:", "did you mean 'sentence-transformers:NAME_OR_FOLDER'? allowed: auto, "),
        ("openai", "did you mean 'openai:MODEL@BASE_URL'? allowed: auto, "),
        ("openai:", "did you mean 'openai:MODEL@BASE_URL'? allowed: auto, "),
        ("minilm:", "did you mean 'minilm'? allowed: auto, "),
        ("hash:512", "did you mean 'hash'? allowed: auto, "),
        ("", "allowed: auto, "),
        ("word2vec", "allowed: auto, "),
    ],
)
def test_another_specification_is_refused_with_the_nearest(spec: str, hint: str) -> None:
    with pytest.raises(
        InputError, match=r"unknown embedder .*allowed: auto, minilm, hash, none, "
    ) as refused:
        open_embedder(spec)
    assert refused.value.hint.startswith(hint)
