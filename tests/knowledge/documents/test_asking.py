"""What questions about documents want, and which words say only how they ask."""

from __future__ import annotations

import pytest

from yukawa.knowledge.documents.asking import asked


@pytest.mark.parametrize(
    ("question", "wants", "answer", "other"),
    [
        (
            "How many layers does the detector have?",
            "number",
            "There are 12 layers.",
            "There are many layers.",
        ),
        (
            "When was the office first introduced?",
            "date",
            "It was introduced in 2014.",
            "It was introduced for 3 people.",
        ),
        ("Who wrote the tutorial?", "person", "It was written by Jim Pivarski.", "it was written quickly"),
        ("Who leads it?", "person", "Its head is Ann Lee.", "It shows High Energy Physics."),
        ("What latency does the trigger have?", "number", "It has 4 μs.", "It is fast."),
        ("How heavy is the magnet?", "number", "It weighs 12 t.", "It is heavy."),
        ("Which version of ROOT 6 is it?", "version", "It is 6.32.", "It is ROOT 6."),
        ("How long does the shift take?", "duration", "It takes half an hour.", "It takes 3 people."),
        ("How often does the group meet?", "frequency", "There is a bi-weekly meeting.", "It met in Rome."),
        ("Where is the gun card?", "place", "See https://a.example/b.", "It is pretty."),
        ("Why is the ring cold?", "reason", "Since helium flows through it.", "It is."),
    ],
)
def test_what_has_the_form_of_the_answer_is_seen(question: str, wants: str, answer: str, other: str) -> None:
    found = asked(question)
    assert found.wants == wants
    assert found.seen_in(answer)
    assert not found.seen_in(other)


def test_any_form_will_do_where_none_is_wanted() -> None:
    assert asked("Which python package reads ROOT files?").seen_in("uproot") is None


@pytest.mark.parametrize(
    ("question", "answer", "other"),
    [
        ("How many layers has it?", "It has 12 longitudinal layers.", "Each of the layers is 12 mm thick."),
        ("How many crystals are in it?", "Range: 1-2; Number of Crystals: 80", "There are crystals of CsI."),
        ("How many times does git store it?", "Git stored it twice.", "Git stored it."),
    ],
)
def test_a_count_is_one_of_what_is_counted(question: str, answer: str, other: str) -> None:
    assert asked(question).is_counted_in(answer)
    assert not asked(question).is_counted_in(other)


def test_how_it_asks_counts_less_than_what_about() -> None:
    def weights(question: str, rarity: float) -> dict[str, float]:
        found = asked(question)
        return dict(zip(found.words, found.weights(lambda _: rarity), strict=True))

    found = weights("Which python package lets me read ROOT files?", 5.0)
    assert found["packag"] < found["python"] == found["root"]
    assert weights("Which version of Julia is installed?", 5.0)["julia"] == 5.0
    assert weights("Why is it cold?", 0.1)["cold"] == 2.5
    assert weights("Which group grants access?", 5.0)["grant"] < 5.0
    assert weights("What is usually employed?", 5.0) == {"usual": 2.5, "employ": 2.5}
    assert (
        weights("What does the ring provide in Run 2?", 5.0)["2"] == 5.0
    )  # the last word need not be the verb
    found = weights("What latency does the trigger give?", 5.0)
    assert found["giv"] < found["latency"] == 5.0  # a quantity must be stated, what gives it need not
    assert weights("Which TupleTool writes to EOS?", 5.0)["eos"] == 5.0


def test_names_in_a_question() -> None:
    assert asked("How do I encrypt log_01 in Beijing?").names == {"log_01", "beij"}


@pytest.mark.parametrize("written", ["whats the field of the ring?", "wat is the field of the ring?"])
def test_question_words_are_read_as_meant(written: str) -> None:
    assert list(asked(written).words) == ["field", "ring"]


def test_words_that_stand_nowhere() -> None:
    found = asked("How do I mean to sell it in Kubernetes at most?")
    assert found.nowhere(lambda word: word == "sell") == ["kubernet"]


def test_identifiers() -> None:
    assert asked("What does Jet_electronIdx1 mean?").identifiers == {"jet_electronidx1"}
    assert asked("How large is filesPerJob by default?").identifiers == {"filesperjob"}
    assert asked("How large is /eos/atlas/user?").identifiers == {"eos", "atla", "user"}
    assert asked("What is ROOT 6?").identifiers == frozenset()
