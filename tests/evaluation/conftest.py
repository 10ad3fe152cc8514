"""A few abstracts to measure tiny models on."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from yukawa.data.rows import Document

# Nothing here may look for a hub, even by mistake.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TRANSFORMERS_OFFLINE"] = "1"

TEXTS = (
    "We study the decay of the Higgs boson. Its width is small. The rate to muons is measured.",
    "Black holes radiate. We compute the entropy of an extremal one and compare it with string theory.",
    "A note on α_s and the τ lepton.",
    "The mass of the W boson is measured in e+e- collisions. Systematic errors are discussed. They are small.",
    "Abelian words are counted. " * 12,
)


@pytest.fixture(scope="session")
def base_model(base_folder: Path):
    from yukawa.llm.loading import open_language_model

    return open_language_model(base_folder, name="base", device="cpu")


@pytest.fixture(scope="session")
def documents() -> list[Document]:
    kinds = (("hep-ph",), ("hep-th", "gr-qc"), ("hep-ph",), ("hep-ex",), ("math.CO", "cs.FL"))
    return [
        Document(id=f"2101.0000{k}", text=text.strip(), source="test", categories=kinds[k])
        for k, text in enumerate(TEXTS)
    ]
