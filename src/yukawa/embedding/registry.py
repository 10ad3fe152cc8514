"""The one doorway to embedders: a short specification becomes an open embedder, imported when first used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from yukawa.core.errors import InputError, nearest

if TYPE_CHECKING:
    from yukawa.embedding.base import Embedder

DEFAULT = "auto"

# What a person may type, shown in the message when something else came.
_FORMS = {
    "auto": "auto",
    "minilm": "minilm",
    "hash": "hash",
    "none": "none",
    "sentence-transformers": "sentence-transformers:NAME_OR_FOLDER",
    "openai": "openai:MODEL@BASE_URL",
}


def settle(spec: str) -> str:
    """`spec`, where 'auto' becomes 'minilm' if its weights are installed and else 'none'.

    What a base records is settled: installing the weights later does not change how it searches.
    """
    spec = spec.strip()
    if spec != "auto":
        return spec
    from yukawa.embedding.minilm import weights_folder

    return "none" if weights_folder() is None else "minilm"


def open_embedder(spec: str = DEFAULT) -> Embedder:
    """The embedder named by `spec`.

    Args:
        spec: 'auto' (see `settle`), 'minilm' (384 dimensions, English, offline), 'hash' (256 dimensions, no model),
            'none' (full text only), 'sentence-transformers:NAME_OR_FOLDER', or 'openai:MODEL@BASE_URL', the last optionally with
            '?key=VARIABLE', the environment variable that holds the key.

    Raises:
        InputError: `spec` is none of these, or names a model that cannot be found.
        MissingPackage: the embedder's package is not installed.
    """
    kind, colon, rest = settle(spec).partition(":")
    if kind not in _FORMS or bool(colon) != (":" in _FORMS[kind]) or (colon and not rest):
        near = nearest(kind, _FORMS)
        raise InputError(
            f"unknown embedder {spec!r}; allowed are {', '.join(_FORMS.values())}",
            hint=f"type: {_FORMS[near]}" if near else "",
        )
    if kind == "hash":
        from yukawa.embedding.hashing import HashEmbedder

        return HashEmbedder()
    if kind == "none":
        from yukawa.embedding.nothing import NoEmbedder

        return NoEmbedder()
    if kind == "sentence-transformers":
        from yukawa.embedding.sentence_transformers import SentenceTransformersEmbedder

        return SentenceTransformersEmbedder(rest)
    if kind == "openai":
        from yukawa.embedding.openai import OpenAIEmbedder

        return OpenAIEmbedder.from_spec(rest)
    from yukawa.embedding.minilm import MiniLM

    return MiniLM.from_package()
