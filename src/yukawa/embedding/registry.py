"""Which embedders there are: `open_embedder` opens one by its name and imports its module only then."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from yukawa.core.errors import InputError, nearest

if TYPE_CHECKING:
    from yukawa.embedding.base import Embedder

DEFAULT = "auto"
# What a person may type, shown in the message when something else came; and the module, the class and the method.
_FORMS = {
    "auto": ("auto", "minilm", "MiniLM", "from_package"),  # once `settle` has chosen
    "minilm": ("minilm", "minilm", "MiniLM", "from_package"),
    "hash": ("hash", "base", "HashEmbedder", ""),
    "none": ("none", "base", "NoEmbedder", ""),
    "sentence-transformers": (
        "sentence-transformers:NAME_OR_FOLDER", "minilm", "SentenceTransformersEmbedder", "",
    ),
    "openai": ("openai:MODEL@BASE_URL", "openai", "OpenAIEmbedder", "from_spec"),
}  # fmt: skip


def settle(spec: str) -> str:
    """`spec`, where 'auto' becomes 'minilm' if its weights are installed and else 'none'.

    What a base records is settled: installing the weights later does not change how it searches.
    """
    spec = spec.strip()
    if spec != "auto":
        return spec
    weights = import_module("yukawa.embedding.minilm").weights_folder()
    return "none" if weights is None else "minilm"


def open_embedder(spec: str = DEFAULT) -> Embedder:
    """The embedder named by `spec`; its module is imported now.

    Args:
        spec: 'auto' (see `settle`), 'minilm' (384 dimensions, English, offline), 'hash' (256 dimensions, no model),
            'none' (full text only), 'sentence-transformers:NAME_OR_FOLDER', or 'openai:MODEL@BASE_URL', the last optionally with
            '?key=VARIABLE', the environment variable that holds the key.

    Raises:
        InputError: `spec` is none of these, or names a model that cannot be found.
        MissingPackage: the package of the embedder is not installed.
    """
    kind, colon, rest = settle(spec).partition(":")
    if kind not in _FORMS or bool(colon) != (":" in _FORMS[kind][0]) or (colon and not rest):
        near = nearest(kind, _FORMS)
        meant = f"did you mean {_FORMS[near][0]!r}? " if near else ""
        allowed = ", ".join(form for form, *_ in _FORMS.values())
        raise InputError(f"unknown embedder {spec!r}", hint=f"{meant}allowed: {allowed}")
    _, module, name, method = _FORMS[kind]
    maker = getattr(import_module(f"yukawa.embedding.{module}"), name)
    maker = getattr(maker, method) if method else maker
    embedder: Embedder = maker(rest) if colon else maker()
    return embedder
