"""Counts the tokens of texts with any Hugging Face tokenizer, a few hundred texts at a time."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from yukawa.core.errors import InputError
from yukawa.core.optional import require

_BATCH = 1 << 18  # characters that wait to be counted together


class TokenCounter:
    """Adds up the tokens of texts, without those that mark where a text begins and ends.

    Args:
        name: a tokenizer's folder, or its name on the hub.

    Attributes:
        name: as it is recorded: of a folder without the folders above.

    Raises:
        InputError: there is no such tokenizer, or it cannot be reached.
        MissingPackage: transformers is not installed.
    """

    def __init__(self, name: str | Path) -> None:
        self._tokenizer = _load(str(name))
        folder = Path(name).expanduser()
        self.name = folder.resolve().name if folder.is_dir() else str(name)
        self._waiting: list[str] = []
        self._characters = self._tokens = 0

    def add(self, texts: Iterable[str]) -> None:
        """Take up more texts."""
        for text in texts:
            if text:  # some tokenizers put a space before even an empty text
                self._waiting.append(text)
                self._characters += len(text)
        if self._characters > _BATCH:
            self._count()

    def take(self) -> int:
        """The tokens of all texts since this was asked before."""
        self._count()
        tokens, self._tokens = self._tokens, 0
        return tokens

    def _count(self) -> None:
        if self._waiting:
            found = self._tokenizer(self._waiting, add_special_tokens=False, verbose=False)["input_ids"]
            self._tokens += sum(map(len, found))
        self._waiting.clear()
        self._characters = 0


def _load(name: str) -> Any:
    hint = "name the folder of a Hugging Face tokenizer, or one on the hub, which needs the network"
    path = Path(name).expanduser()
    if name.startswith((".", "/", "~")) and not path.is_dir():
        raise InputError(f"there is no tokenizer {name!r}: it is no folder", hint=hint)
    transformers = require("transformers", "counting tokens")
    try:
        return transformers.AutoTokenizer.from_pretrained(path if path.is_dir() else _fetched(name))
    except (OSError, ValueError, ImportError, KeyError, TypeError, AttributeError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise InputError(f"there is no tokenizer {name!r} that can be loaded: {reason}", hint=hint) from None


def _fetched(name: str) -> str:
    """The folder of a copy of what the hub has; transformers itself would ask for each file for half a minute."""
    hub = require("huggingface_hub", "counting tokens")
    folder: str = hub.snapshot_download(name, allow_patterns=["*.json", "*.model", "*.txt", "*.jinja"])
    return folder
