"""Finds fragments of texts in a stream of bytes: any 63 consecutive bytes of a text are noticed."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

# Texts are searched for in fragments, because a database breaks a long text at its page boundaries.
LENGTH = 32
SHORTEST = 12
_KEY = 8
_BLOCK = 4 << 20
_BITS = 22
_SPREAD = np.uint64(0x9E3779B97F4A7C15)  # 2**64 over the golden ratio (Knuth, TAOCP 3, 6.4)


class Fragments:
    """Fragments of texts, all searched for in one pass; texts shorter than 12 bytes are ignored.

    Each text is searched for as UTF-8 and as JSON writes it. A table over the first eight bytes of every fragment
    says for each offset of the data, many at a time, whether a fragment could begin there.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        self._by_key: dict[bytes, set[bytes]] = {}
        for data in {form for text in texts for form in _forms(text) if len(form) >= SHORTEST}:
            for fragment in _fragments(data):
                self._by_key.setdefault(fragment[:_KEY], set()).add(fragment)
        self._keys = np.array(sorted(int.from_bytes(k, "little") for k in self._by_key), dtype=np.uint64)
        self._maybe = np.zeros(1 << _BITS, dtype=bool)
        self._maybe[_slots(self._keys)] = True

    def found_in(self, blocks: Iterable[bytes]) -> set[bytes]:
        """The fragments that occur in any of `blocks`."""
        return {fragment for block in blocks for fragment in self._matches(block)}

    def _matches(self, block: bytes) -> Iterator[bytes]:
        for shift in range(min(_KEY, len(block) - _KEY + 1)):
            words = np.frombuffer(block, dtype="<u8", offset=shift, count=(len(block) - shift) // _KEY)
            places = np.flatnonzero(self._maybe[_slots(words)])
            rank = np.searchsorted(self._keys, words[places], side="right")
            places = places[self._keys[rank - 1] == words[places]]
            for place in (places * _KEY + shift).tolist():
                for fragment in self._by_key[block[place : place + _KEY]]:
                    if block.startswith(fragment, place):
                        yield fragment


def file_blocks(path: Path) -> Iterator[bytes]:
    """A file's bytes in blocks that overlap by a fragment; nothing if there is no such file."""
    try:
        with open(path, "rb") as handle:
            tail = b""
            while block := handle.read(_BLOCK):
                yield tail + block
                tail = block[-LENGTH + 1 :]
    except FileNotFoundError:  # another process may remove a derived file at any time
        return


def text_blocks(texts: Iterable[str | None]) -> Iterator[bytes]:
    """Many short texts as a few blocks, apart from each other by a zero byte."""
    gathered: list[bytes] = []
    size = 0
    for text in texts:
        if text:
            gathered.append(text.encode("utf-8", "surrogatepass"))
            size += len(gathered[-1])
        if size > _BLOCK:
            yield b"\0".join(gathered)
            gathered, size = [], 0
    if gathered:
        yield b"\0".join(gathered)


def _forms(text: str) -> set[bytes]:
    written = {text, json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1]}
    return {form.encode("utf-8", "surrogatepass") for form in written}


def _fragments(data: bytes) -> Iterator[bytes]:
    if len(data) > LENGTH:
        yield data[-LENGTH:]
    for start in range(0, max(len(data) - LENGTH, 0) + 1, LENGTH):
        yield data[start : start + LENGTH]


def _slots(
    words: np.ndarray[tuple[int, ...], np.dtype[np.uint64]],
) -> np.ndarray[tuple[int, ...], np.dtype[np.uint64]]:
    return (words * _SPREAD) >> np.uint64(64 - _BITS)
