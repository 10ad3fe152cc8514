"""A statement answers if it says what is asked of the thing that is asked about; else nothing does."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yukawa.core.errors import InputError
from yukawa.knowledge import KnowledgeBase
from yukawa.knowledge.documents.spans import (
    PARAGRAPH_WORDS,
    _with_neighbours,
    answer_from_documents,
    meaning_of,
)
from yukawa.knowledge.documents.statements import PassageStatement

TEXT = """# The ring

It was built in 1988. The ring has a circumference of 237.5 m, and two beams are in it.

## Magnets

| magnet | field | length |
|---|---|---|
| solenoid | 1.0 T | 3.5 m |
| dipole | 0.8 T | 1.4 m |

Start the pump with this command:

```
pumpctl --start
```

The branch `Ring_beamIdx` holds the number of the beam.
"""


@given(
    st.lists(
        st.tuples(st.integers(1, 30), st.integers(0, 2), st.sampled_from(["text", "item"])),
        min_size=1,
        max_size=7,
    ),
    st.data(),
)
def test_neighbours_of_a_short_paragraph_are_quoted_and_no_more(drawn, data):
    found = [PassageStatement("word " * n, kind, "", number) for n, number, kind in drawn]
    place = data.draw(st.integers(0, len(found) - 1))
    first, last = _with_neighbours(found, place)

    def fits(start: int, end: int) -> bool:
        inside = [found[i] for i in range(start, end + 1) if 0 <= i < len(found)]
        alike = all(
            (s.kind, s.paragraph) == ("text", found[place].paragraph)
            for i, s in enumerate(inside, start)
            if i != place
        )
        return (
            alike
            and len(inside) == end - start + 1
            and len(" ".join(s.text for s in inside).split()) <= PARAGRAPH_WORDS
        )

    assert first <= place <= last
    assert (first, last) == (place, place) or fits(first, last)
    assert not fits(first, last + 1)
    assert not fits(first - 1, last)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory):
    with KnowledgeBase.open(tmp_path_factory.mktemp("spans"), embedding="none") as opened:
        opened.teach(TEXT, kind="document", source="ring.md")
        yield opened


@pytest.mark.parametrize(
    ("question", "quoted", "headings"),
    [
        ("What is the circumference of the ring?", "The ring has a circumference of 237.5 m", ("The ring",)),
        ("When was the ring built?", "It was built in 1988.", ("The ring",)),
        (
            "What is the field of the dipole?",
            "magnet: dipole; field: 0.8 T; length: 1.4 m",
            ("The ring", "Magnets"),
        ),
        (
            "How do I start the pump?",
            "Start the pump with this command:\npumpctl --start",
            ("The ring", "Magnets"),
        ),
        (
            "What does Ring_beamIdx hold?",
            "The branch Ring_beamIdx holds the number of the beam.",
            ("The ring", "Magnets"),
        ),
    ],
)
def test_statements_are_quoted_whole_with_their_heading(
    base: KnowledgeBase, question: str, quoted: str, headings: tuple[str, ...]
) -> None:
    answer = answer_from_documents(question, base)
    assert answer is not None
    span = answer.spans[0]
    assert quoted in span.text
    assert span.headings == headings
    assert span.quote == f"{' / '.join(headings)}: {span.text}"
    assert span.hit.place is not None
    assert quoted.split()[-1].strip(".") in TEXT[span.hit.place.start : span.hit.place.end]


@pytest.mark.parametrize(
    "question",
    [
        "What is the price of the ring?", "What is the circumference of the moon?", "Who built the ring?",
        "What is the field of the sextupole?", "What does Ring_pumpIdx hold?", "When was the solenoid painted?",
    ],
)  # fmt: skip
def test_what_is_not_stated_is_refused(base: KnowledgeBase, question: str) -> None:
    answer = answer_from_documents(question, base)
    assert answer is not None
    assert answer.refused


def test_meaning_is_compared_where_the_base_has_vectors_that_the_weights_hold_for(tmp_path: Path) -> None:
    assert meaning_of(SimpleNamespace(embedding="minilm", embed=len)) is len
    with KnowledgeBase.open(tmp_path, embedding="hash") as other:
        assert meaning_of(other) is None
        assert other.embed(["a", "b"]).shape == (2, 256)


def test_a_refusal_names_what_stands_in_no_document(base: KnowledgeBase) -> None:
    answer = answer_from_documents("What is the field of the Sextupoles?", base)
    assert answer is not None
    assert answer.nowhere == ("Sextupoles",)


def test_what_is_far_is_not_shown(base: KnowledgeBase) -> None:
    answer = answer_from_documents("Which colour has a strange quark in the city of Paris, the ring?", base)
    assert answer is not None
    assert answer.refused
    assert answer.nearest == ()


def test_without_documents_there_is_no_answer(tmp_path: Path) -> None:
    with KnowledgeBase.open(tmp_path, embedding="none") as empty:
        assert answer_from_documents("What is cold?", empty) is None
        with pytest.raises(InputError, match="empty"):
            answer_from_documents(" ", empty)
