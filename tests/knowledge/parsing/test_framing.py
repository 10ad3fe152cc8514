"""A sentence beside a question is set aside only where it is about persons and their everyday life; of others the content is unread."""

import pytest
from tests.knowledge.parsing.readings import reading

from yukawa.knowledge.parsing.framing import beyond_framing, is_courtesy
from yukawa.knowledge.parsing.grammar import plan
from yukawa.knowledge.parsing.lexicon import word_groups
from yukawa.knowledge.parsing.tokens import tokenise

QUESTIONS = {
    "en": "What is the lifetime of the tau?", "de": "Wie lange lebt das Tau?", "fr": "Quelle est la durée de vie du tau?",
    "zh": "τ轻子的寿命是多少？",
}  # fmt: skip
FRAMING = [
    ("en", "I teach at a small college in Ohio."), ("en", "My niece is doing a presentation next week."), ("en", "Total beginner here."),
    ("en", "Our library is closed for the holidays."), ("en", "It goes into a caption."), ("en", "Cheers from rainy Manchester."),
    ("en", "I'm brushing up on particle physics after twenty years in finance."), ("en", "Apologies if this is trivial."),
    ("en", "We generate samples for our trigger study."), ("en", "I printed the table twice."), ("en", "My hairdresser is curious."),
    ("en", "I don't know which number to trust."), ("en", "I want to quote it in the introduction of my thesis."),
    ("en", "Hola a todos."), ("de", "Ich schreibe gerade an meiner Bachelorarbeit."), ("de", "Meine Tochter braucht es für ein Referat."),
    ("fr", "Je prépare un exposé pour mon lycée."), ("fr", "Mon fils me l'a demandé hier soir."), ("zh", "我在写毕业论文。"),
    ("zh", "我的学生问我这个问题。"), ("en", "Two of my cousins are arguing over this."), ("en", "It was for a quiz, Anna."),
]  # fmt: skip
CONDITIONS = [
    ("en", "We work in lattice units."), ("en", "Our clock runs slow by five percent."), ("en", "My calorimeter misses soft photons."),
    ("en", "Everything is measured from a spaceship passing by."), ("en", "The trigger keeps one event in three."),
    ("en", "I am after the old world average, before the recent shift."), ("en", "I would like the result as of last century."),
    ("en", "The 2014 booklet's number is what counts."), ("en", "Under pressure, like in a star's core."), ("en", "Per second, please."),
    ("en", "Please stick to pre-2000 publications."), ("en", "The one that the bag model yields."),
    ("en", "It sits deep inside a nucleus."),
    ("en", "The particle is trapped in a crystal."), ("en", "The spectator quark is replaced by a strange one."),
    ("en", "For this exercise isospin breaking vanishes."), ("en", "I have the 2002 printing in mind."), ("en", "Solo la mitad de eso."),
    ("en", "Our ruler has shrunk."), ("en", "I look at the left-handed ones alone."), ("en", "As an inverse, please."),
    ("en", "The question concerns the Kaluza-Klein partner."), ("en", "My generator has isospin switched off."),
    ("en", "It has just crossed half of the Milky Way at nearly the speed of light."), ("de", "Unsere Teilchen fliegen sehr schnell."),
    ("en", "Three times that is what I need."), ("en", "Say the clock ticks twice as fast."), ("en", "Thanks, but in the chiral limit."),
    ("de", "Wir rechnen in Gittereinheiten."), ("de", "Davon bitte die Hälfte."), ("de", "Unser Detektor steht in einem Magnetfeld."),
    ("fr", "Nous travaillons en unités de réseau."), ("fr", "Je parle de l'édition de 2008."), ("fr", "Le double, en fait."),
    ("zh", "我们使用格点单位。"), ("zh", "请给出它的三倍。"), ("zh", "假设粒子以0.9倍光速运动。"),
]  # fmt: skip


@pytest.mark.parametrize(("language", "sentence"), FRAMING)
@pytest.mark.parametrize("order", [0, 1])
def test_framing_changes_nothing(language: str, sentence: str, order: int) -> None:
    question = QUESTIONS[language]
    assert reading(plan(f"{sentence} {question}" if order else f"{question} {sentence}")) == reading(
        plan(question)
    )


@pytest.mark.parametrize(("language", "sentence"), CONDITIONS)
@pytest.mark.parametrize("order", [0, 1])
def test_what_is_no_framing_is_not_passed_over(language: str, sentence: str, order: int) -> None:
    question = QUESTIONS[language]
    found = plan(f"{sentence} {question}" if order else f"{question} {sentence}")
    assert reading(found) != reading(plan(question))


@pytest.mark.parametrize(("question", "unread"), [
    ("What is the kaon mass? The target sits in liquid helium.", "helium"),
    ("Every clock here is late. What is the muon lifetime?", "clock"),
])  # fmt: skip
def test_the_refusal_names_the_words(question: str, unread: str) -> None:
    assert any(unread in text for text, _ in plan(question).unread)


def test_a_made_up_word_makes_a_condition_unless_a_person_is_the_subject() -> None:
    assert beyond_framing(tokenise("The zork is blimmed.", "en"))
    assert not beyond_framing(tokenise("My sister blimmed the zork.", "en"))


def test_courtesy_ends_at_a_comma() -> None:
    assert is_courtesy(tokenise("Thanks for any pointer", "en"), "en")
    assert not is_courtesy(tokenise("Thanks, but in the lab frame", "en"), "en")


def test_no_word_is_both_of_everyday_life_and_a_convention() -> None:
    groups = word_groups("framing")
    assert not (groups["people"] | groups["belongings"]) & (groups["conventions"] | groups["circumstances"])
