"""English stays, formulas and all; other languages go, and are counted."""

from __future__ import annotations

import gzip
import itertools
import json
import re
from pathlib import Path
from typing import NoReturn

import pytest

from yukawa.core.errors import InputError, MissingPackage
from yukawa.data.language_id import UNDETERMINED, LanguageFilter
from yukawa.data.rows import Document

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
    assert one.kept == len(kept)
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
    with pytest.raises(InputError, match="'english' is no language"):
        LanguageFilter("english")
    monkeypatch.setattr("importlib.import_module", absent)
    with pytest.raises(
        MissingPackage, match=r"telling languages apart needs the package 'py3langid'.*pip install"
    ):
        LanguageFilter()
