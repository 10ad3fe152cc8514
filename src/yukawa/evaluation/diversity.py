"""What is wrong with a completion on its face: repetition, little variety, and metadata that is no abstract."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Hashable, Sequence

_WORD = re.compile(r"\w+|[^\w\s]")
# What pages and listings have around an abstract, and what a model that learnt them appends to one.
ARTEFACTS = {
    "arxiv_id": re.compile(
        r"\barXiv\s*:\s*\S+|\b(?:hep|gr|nucl|astro|cond|math|quant|physics|nlin|cs|q-bio)(?:-[a-z]{2,3})?/\d{7}\b"
        r"|\[\d{4}\.\d{4,5}(?:v\d+)?\]",
        re.IGNORECASE,
    ),
    "pacs": re.compile(r"\bPACS(?:\s+(?:numbers?|codes?|nos?\.?))?\s*[:.]?\s*\d{2}\.\d{2}|\bPACS\s*(?:numbers?)?\s*:"),
    "keywords": re.compile(r"\bkey\s*-?\s*words?(?: and phrases)?\s*:", re.IGNORECASE),
    "comments": re.compile(
        r"\bComments?\s*:|\b\d+\s+pages?,\s*(?:\d+|no|one|two|three|four|five|several)\s+(?:\w+\s+)?(?:figures?|tables?)\b",
        re.IGNORECASE,
    ),
    "journal": re.compile(
        r"\b(?:Journal[- ]ref|Report[- ](?:no|number)|DOI|MSC(?:[- ]class)?|Subjects?|Categories|Submitted by|Authors?|Title)"
        r"\s*:|\bdoi\.org/|\b10\.\d{4,9}/\S+",
        re.IGNORECASE,
    ),
    "authors": re.compile(
        r"(?:\b[A-Z]\.\s?(?:[A-Z]\.\s?)?[A-Z][a-z\u00c0-\u017f'-]+(?:,| and|;)\s+){2,}[A-Z]\.\s?(?:[A-Z]\.\s?)?[A-Z][a-z\u00c0-\u017f'-]+"
    ),
    "address": re.compile(r"https?://\S+|\b[\w.+-]+@[\w-]+\.[\w.]+\b"),
    "dates": re.compile(r"\b(?:Received|Revised|Accepted|Submitted|Dated|Last modified)\s*:?\s*\(?\d{1,2}\s+[A-Z][a-z]{2}"),
}  # fmt: skip


def words(text: str) -> list[str]:
    """Words and signs of a text, without case."""
    return _WORD.findall(text.casefold())


def shannon_entropy(tokens: Sequence[Hashable]) -> float:
    """Entropy of the tokens' own frequencies, in bits: low where a text says the same again; 0 for no tokens.

    It grows with the length of a text (at most log2 of it), so compare texts of one length, or its curve.
    """
    size = len(tokens)
    if not size:
        return 0.0
    return max(0.0, -sum(n / size * math.log2(n / size) for n in Counter(tokens).values()))


def distinct(tokens: Sequence[Hashable], n: int) -> float:
    """Different n-grams by all n-grams (Li et al. 2016); 1 where there are none."""
    grams = [tuple(tokens[k : k + n]) for k in range(len(tokens) - n + 1)]
    return len(set(grams)) / len(grams) if grams else 1.0


def longest_repeat(tokens: Sequence[Hashable]) -> int:
    """Length of the longest span that occurs twice or more, overlaps allowed; by a suffix automaton.

    Time and memory grow linearly with the tokens (Blumer et al. 1985).
    """
    steps: list[dict[Hashable, int]] = [{}]
    links, lengths, ends = [-1], [0], [0]  # of each state: suffix link, longest span, occurrences
    last = 0
    for token in tokens:
        state = _new(steps, links, lengths, ends, lengths[last] + 1, 1)
        place = last
        while place != -1 and token not in steps[place]:
            steps[place][token] = state
            place = links[place]
        if place == -1:
            links[state] = 0
        else:
            links[state] = _split(steps, links, lengths, ends, place, token)
        last = state
    # Longer spans end wherever their state ends, and so do all of their suffixes.
    best = 0
    for state in sorted(range(1, len(steps)), key=lengths.__getitem__, reverse=True):
        if ends[state] > 1:
            best = max(best, lengths[state])
        ends[links[state]] += ends[state]
    return best


def _new(
    steps: list[dict[Hashable, int]],
    links: list[int],
    lengths: list[int],
    ends: list[int],
    length: int,
    end: int,
) -> int:
    steps.append({})
    links.append(0)
    lengths.append(length)
    ends.append(end)
    return len(steps) - 1


def _split(
    steps: list[dict[Hashable, int]],
    links: list[int],
    lengths: list[int],
    ends: list[int],
    place: int,
    token: Hashable,
) -> int:
    """The state that a new state's suffixes belong to; split off where a longer one stood in its place."""
    target = steps[place][token]
    if lengths[target] == lengths[place] + 1:
        return target
    copy = _new(steps, links, lengths, ends, lengths[place] + 1, 0)
    steps[copy] = dict(steps[target])
    links[copy], links[target] = links[target], copy
    while place != -1 and steps[place].get(token) == target:
        steps[place][token] = copy
        place = links[place]
    return copy


def artefacts(text: str) -> dict[str, int]:
    """How often each kind of `ARTEFACTS` stands in a text; only kinds that do."""
    found = {name: len(pattern.findall(text)) for name, pattern in ARTEFACTS.items()}
    return {name: count for name, count in found.items() if count}
