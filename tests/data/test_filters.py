"""Filters: which rows stay, what the manifest says of it; and languages told apart."""

from __future__ import annotations

import gzip
import itertools
import json
import re
from itertools import compress
from pathlib import Path
from typing import NoReturn

import pytest

from yukawa.core.errors import InputError, MissingPackage
from yukawa.core.files import hash_file
from yukawa.data.conversation_sets import build_conversations
from yukawa.data.filters import UNDETERMINED, LanguageFilter, filter_lines, make_filters, read_evaluation
from yukawa.data.rows import Conversation, Document, Turn

LEAK = "which of the known quarks has the largest mass of them all"
ENGLISH = (
    "We show that the mass of the top quark is measured by the experiments at the collider of the laboratory."
)
GERMAN = "Wir zeigen, dass die Masse des Top-Quarks von den Experimenten am Beschleuniger gemessen wird, und warum."
TEXTS = [
    ENGLISH,
    ENGLISH.upper().replace("LABORATORY", "LAB"),
    GERMAN,
    f"So it was asked {LEAK} and nobody knew the answer to it.",
    "Another text of which the words are in no other, and that is all there is to say of this.",
]
ROWS = [Document(id=str(i), text=text, source="test") for i, text in enumerate(TEXTS)]


@pytest.fixture
def questions(tmp_path: Path) -> Path:
    path = tmp_path / "questions.jsonl"
    path.write_text(json.dumps({"question": LEAK.title() + "?"}) + "\n" + json.dumps({"question": "Why?"}))
    return path


def test_all_filters_in_turn(questions: Path):
    filters = make_filters(language="en", evaluation=[questions], near_duplicates=0.7)
    rows, dropped = ROWS, {}
    for one in filters:
        rows = list(compress(rows, one.keeps(rows)))
        dropped |= one.dropped
    assert [row.id for row in rows] == ["0", "4"]
    assert dropped == {
        "in another language (de)": 1,
        "with a piece of an evaluation set": 1,
        "nearly the same as another": 1,
    }
    language, evaluation, near = (one.settings for one in filters)
    assert (language["filter"], language["language"], language["undetermined"]) == ("language", "en", 0)
    assert evaluation["sets"] == [{"name": "questions.jsonl", "sha256": hash_file(questions)}]
    assert (evaluation["items"], evaluation["items_hit"], evaluation["items_too_short"]) == (2, 1, 1)
    assert (near["jaccard"], near["shingle"]) == (0.7, 5)
    assert json.loads(json.dumps([language, evaluation, near])) == [language, evaluation, near]
    lines = filter_lines(filters)
    assert all(line.startswith("* Filter: ") and line.endswith(".") for line in lines)
    assert "`questions.jsonl`" in lines[1]


def test_what_is_not_wanted_is_no_filter():
    assert make_filters() == []
    assert [one.settings["filter"] for one in make_filters(near_duplicates=1.0)] == ["near duplicates"]


@pytest.mark.parametrize("which", [{"language": "en"}, {"near_duplicates": 0.7}, {"evaluation": True}])
def test_asked_or_called_a_filter_keeps_the_same(which, questions: Path):
    given = {"evaluation": [questions]} if "evaluation" in which else which
    ((asked,), (called,)) = (make_filters(**given) for _ in range(2))
    assert list(compress(ROWS, asked.keeps(iter(ROWS)))) == list(called(ROWS))  # type: ignore[operator]
    assert asked.dropped == called.dropped
    assert asked.settings == called.settings


def test_a_data_set_is_named_by_its_manifest(tmp_path: Path, questions: Path):
    rows = [{"question": f"{LEAK} {i}?", "answer": "Top."} for i in range(20)]
    (tmp_path / "qa.json").write_text(json.dumps(rows))
    build_conversations([tmp_path / "qa.json"], tmp_path / "set", threshold=None, suffix=".jsonl")
    found = read_evaluation([tmp_path / "set", questions])
    assert found.settings["sets"][0] == {
        "name": "set", "sha256": hash_file(tmp_path / "set" / "manifest.json"),
    }  # fmt: skip
    assert found.settings["items"] == 2 + 2  # the test split alone
    assert list(found.keeps(ROWS)) == [True, True, True, False, True]


def test_conversations_are_filtered_before_the_split(tmp_path: Path, questions: Path):
    rows = [{"question": f"What is number {i}?", "answer": f"It is {i}."} for i in range(20)]
    rows += [{"question": LEAK, "answer": "Top."}, {"question": GERMAN, "answer": GERMAN}]
    (tmp_path / "qa.json").write_text(json.dumps(rows))
    filters = make_filters(language="en", evaluation=[questions])
    made = build_conversations([tmp_path / "qa.json"], tmp_path / "set", filters=filters, suffix=".jsonl")
    assert made.manifest.rows == 20
    assert made.filtered == {"in another language (de)": 1, "with a piece of an evaluation set": 1}
    assert made.manifest.made["dropped"] == {"bad": 0, "repeated": 0} | made.filtered
    assert made.manifest.made["filters"] == [one.settings for one in filters]
    card = (tmp_path / "set" / "card.md").read_text()
    assert "Omitted by filters: 1 in another language (de), 1 with a piece of an evaluation set." in card
    (tmp_path / "one.json").write_text(json.dumps(rows[20:21]))
    with pytest.raises(InputError, match="no row remains: 1 with a piece of an evaluation set"):
        build_conversations(
            [tmp_path / "one.json"], tmp_path / "none", filters=make_filters(evaluation=[questions])
        )
    assert not (tmp_path / "none").exists()


def test_messages_of_a_conversation_are_judged_together():
    talk = Conversation(
        id="1",
        messages=(Turn(role="user", content="Was?"), Turn(role="assistant", content=GERMAN)),
        source="s",
    )
    (language,) = make_filters(language="en")
    assert list(language.keeps([talk])) == [False]


def test_what_cannot_be_a_filter_is_told(tmp_path: Path):
    for given, reason in (
        ({"language": "xx"}, "unknown language code"),
        ({"near_duplicates": 2.0}, "above 0 and up to 1"),
        ({"evaluation": [tmp_path / "absent.json"]}, "absent.json cannot be read"),
        ({"evaluation": [tmp_path]}, "manifest.json cannot be read"),
    ):
        with pytest.raises(InputError, match=reason):
            make_filters(**given)


FOREIGN = {
    "de": "Wir untersuchen die Eigenschaften des Higgs-Bosons am Large Hadron Collider und zeigen, dass die gemessenen "
    "Kopplungen mit den Vorhersagen des Standardmodells verträglich sind.",
    "fr": "Nous présentons une introduction aux concepts de la supersymétrie par l'intermédiaire de trois exemples, et "
    "nous discutons les inégalités de Morse d'après Witten.",
    "es": "En este trabajo estudiamos la producción de pares de quarks top en colisiones de protones y comparamos los "
    "resultados con las predicciones teóricas del modelo estándar.",
    "it": "In questo lavoro studiamo la produzione di coppie di quark top nelle collisioni tra protoni e confrontiamo i "
    "risultati con le previsioni teoriche del modello standard.",
    "nl": "In dit artikel bestuderen we de eigenschappen van het Higgs-deeltje en laten we zien dat de metingen met het "
    "standaardmodel van de deeltjesfysica overeenstemmen.",
    "pl": "W pracy przedstawiono pomiar przekroju czynnego na produkcję par kwarków top w zderzeniach protonów i "
    "porównano wyniki z przewidywaniami modelu standardowego.",
    "ru": "В работе изучаются свойства бозона Хиггса, рожденного в столкновениях протонов, и показано, что измеренные "
    "константы связи согласуются с предсказаниями Стандартной модели.",
    "zh": "本文研究了大型强子对撞机上希格斯玻色子的性质,结果表明测得的耦合常数与标准模型的预言一致。",
    "ja": "本論文では大型ハドロン衝突型加速器におけるヒッグス粒子の性質を調べ、測定された結合定数が標準模型の予言と一致することを示す。",
}  # fmt: skip
ENGLISH = (
    "We prove Laporta's conjecture $$\\int_0^\\infty\\frac{\\mathrm d x_1}{x_1}\\int_0^\\infty\\frac{\\mathrm d x_2}{x_2}"
    "\\frac{1}{(1+x_1+x_2)(1+x_1^{-1}+x_2^{-1})}=\\frac{4\\pi}{5\\sqrt{15}}$$ by modular forms.",
    "Two-loop renormalisation group equations, gauge couplings, threshold corrections: numerical results.",
    "$\\mathcal{N}=4$ SYM, AdS$_5\\times S^5$: $\\langle\\mathcal{O}_1\\mathcal{O}_2\\rangle$ at strong coupling $\\lambda$.",
    "$B^0_s\\to\\mu^+\\mu^-$",
)

OTHER_WORDS = re.compile(r"\b(une|dei|des|und|der|que|los|della|estas)\b")


def absent(name: str) -> NoReturn:
    raise ModuleNotFoundError(name="py3langid")


def documents(*texts: str) -> list[Document]:
    return [Document(id=str(i), text=text, source="test") for i, text in enumerate(texts)]


@pytest.fixture(scope="module")
def english() -> LanguageFilter:
    return LanguageFilter()


@pytest.mark.parametrize("code", FOREIGN)
def test_other_languages_are_recognised(english: LanguageFilter, code: str):
    assert english.recognise(FOREIGN[code]) == code


@pytest.mark.parametrize("text", ENGLISH)
def test_formulas_do_not_make_a_text_foreign(english: LanguageFilter, text: str):
    assert english.recognise(text) in ("en", UNDETERMINED)


def test_real_abstracts_of_high_energy_physics_stay(english: LanguageFilter, real_data: Path):
    with gzip.open(real_data / "arxiv" / "hep_1991_2019.jsonl.gz", "rt") as lines:
        texts = [json.loads(line)["abstract"] for line in itertools.islice(lines, 0, None, 12)]
    codes = [english.recognise(text) for text in texts]
    foreign = [text for text, code in zip(texts, codes, strict=True) if code not in ("en", UNDETERMINED)]
    # Whoever is dropped does hold sentences in another language.
    assert all(OTHER_WORDS.search(text) for text in foreign), foreign
    assert len(foreign) <= 0.002 * len(texts)
    assert codes.count(UNDETERMINED) <= 0.002 * len(texts)
    # The model alone says English as well: the quick way changes nothing.
    sample = texts[::60]
    slow = [english._model.classify(text)[0] for text in sample]
    assert slow.count("en") >= 0.98 * len(sample)


def test_filtering_counts_and_is_idempotent():
    one = LanguageFilter()
    kept = list(one(documents(*ENGLISH, *FOREIGN.values(), "0.511 MeV")))
    assert [row.text for row in kept] == [*ENGLISH, "0.511 MeV"]
    assert 1 <= one.undetermined <= 3
    assert one.dropped == {f"in another language ({code})": 1 for code in FOREIGN}
    again = LanguageFilter()
    assert list(again(kept)) == kept
    assert again.dropped == {}


def test_another_language_can_be_kept():
    kept = list(LanguageFilter("fr")(documents(*FOREIGN.values(), ENGLISH[1] + " This is what we show.")))
    assert [row.text for row in kept] == [FOREIGN["fr"]]


def test_a_text_without_letters_has_no_language(english: LanguageFilter):
    assert {english.recognise(text) for text in ("", " ", "$x$", "1 + 1 = 2", "\\alpha")} == {UNDETERMINED}


def test_an_unknown_language_and_a_missing_package(monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(InputError, match="unknown language code 'english'"):
        LanguageFilter("english")
    monkeypatch.setattr("importlib.import_module", absent)
    with pytest.raises(
        MissingPackage, match=r"recognising languages needs the package 'py3langid'.*pip install"
    ):
        LanguageFilter()
