"""Words in one form: stems, parts of identifiers, what a question names."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from yukawa.knowledge.documents.words import CLOSED, alike, misspelt, named, stem, stem_set, stems


@given(st.text(alphabet="abcdeginrstuvy", min_size=1, max_size=12))
def test_a_stem_begins_its_word(word: str) -> None:
    assert alike(stem(word), frozenset({stem(word)})) <= {stem(word)}
    assert 1 <= len(stem(word)) <= len(word) + 1


@given(st.text(max_size=60))
def test_what_is_named_is_among_the_words(text: str) -> None:
    assert set(named(text)) <= set(stems(text))
    assert all(stem(word) == found for found, word in named(text).items())
    assert stem_set(text) == set(stems(text))


def test_forms_of_a_word_are_one() -> None:
    for forms in (
        "use uses used using",
        "describe describes described describing",
        "run runs running",
        "query queries",
        "quick quickly",
        "write wrote written writes",
    ):
        assert len({stem(form) for form in forms.split()}) == 1
    assert alike(stem("located"), frozenset({stem("location"), stem("electron")})) == {stem("location")}
    assert alike(stem("muon"), frozenset({stem("electron")})) == frozenset()


def test_identifiers_and_signs() -> None:
    assert {"electron_dxyerr", "electron", "dxy"} <= set(stems("Electron_dxyErr"))
    assert stems("What does !$ do?")[-2] == "!$"
    assert stems("See https://a.example/b") == ("see",)
    assert "speedup" in stems("a speed-up of 3")
    assert named("What is the type of Tau_idAntiMu?") == {"typ": "type", "tau_idantimu": "Tau_idAntiMu"}
    assert "the" in CLOSED


def test_a_slip_is_like_the_word_that_was_meant() -> None:
    words = frozenset({"version", "python", "root"})
    assert misspelt("verison", words) == {"version"}
    assert misspelt("person", words) == frozenset()
    assert misspelt("sim11", words) == frozenset()


def test_possessives_and_compounds_name_their_words() -> None:
    assert list(named("What is LHCb's polar-angle window?")) == ["lhcb", "polar", "angl", "window"]
