"""The names that people use lead to particles of the table; everyday words lead to none."""

from __future__ import annotations

import os
import pydoc_data.topics
import re
from pathlib import Path

import pytest

from yukawa.knowledge.parsing.names import EAST_ASIAN, ENGLISH, GERMAN, ROMANCE, SHORT
from yukawa.knowledge.parsing.particles import find_particles, particle_table
from yukawa.knowledge.parsing.spelling import plain_ascii
from yukawa.knowledge.parsing.things import find_things

EVTGEN = Path(os.environ.get("YUKAWA_TEST_DATA", "")) / "decay" / "evtgen_names.tsv"
GERMAN_WORDS = """
    aber alle als also am an auch auf aus bei bin bis bitte da dann das dass dein dem den der des die dir doch dort du durch ein eine einem
    einen einer eines er es etwa etwas euch euer gegen geht gibt gut haben hat heute hier hoch ich ihm ihn ihr im in ist ja jede jetzt kann
    kein kommt lange leben liegt mal man Masse mehr mein mich mir mit muss nach neu nicht noch nun nur ob oder ohne schon sehr sein seit
    sich sie sind so soll sonst Stunde Tag Teil um und uns unter viel vom von vor war warum was weil welche wenn wer wie wir wird wo Wort
    zehn Zeit zu zum zur zwei zwischen Zerfall Breite Ladung Lebensdauer
""".split()
OTHER_WORDS = """
    le la les un une des du de que qui quoi est et ou dans sur pour avec sans quelle quel combien masse largeur vie el los las una y es
    masa vida del en con sin il lo gli che qual massa vita di senza per come quanto
""".split()


def read(text: str) -> list[str]:
    plain = plain_ascii(text)
    return [plain[m.start : m.end] for m in find_particles(plain)]


# ---- laws -------------------------------------------------------------------------------------------


def test_every_word_leads_to_a_particle() -> None:
    words = [*ENGLISH, *GERMAN, *ROMANCE]
    assert [word for word in words if len(read(word)) != 1 or not find_things(word)[0].names] == []


def test_every_short_name_leads_to_a_particle() -> None:
    assert [name for name in SHORT if not any(find_things(name + charge) for charge in ("", "+", "0"))] == []


def test_every_east_asian_word_is_replaced() -> None:
    for word, english in EAST_ASIAN.items():
        assert plain_ascii(f"{word}的") == f"{english.strip()} 的"


@pytest.mark.skipif(not EVTGEN.is_file(), reason="the list of an event generator's names is not here")
def test_names_of_an_event_generator_are_the_states_of_their_numbers() -> None:
    numbers = particle_table().numbers
    rows = [line.split("\t") for line in EVTGEN.read_text(encoding="utf-8").splitlines()[1:]]
    known = [(name, numbers[int(code)]) for name, code, *_ in rows if int(code) in numbers]
    assert len(known) > 350
    wrong = [(name, right) for name, right in known if [t.names for t in find_things(name)] != [(right,)]]
    assert wrong == []


def test_everyday_words_are_not_particles() -> None:
    text = " ".join(pydoc_data.topics.topics.values())
    english = sorted({w for w in re.findall(r"(?<![\w.'*_])[A-Za-z][a-z]+(?![\w.'*_(])", text) if len(w) > 2})
    assert len(english) > 3000
    own = {word.lower() for word in (*ENGLISH, *SHORT, "Lambda")}
    assert [
        w for w in (*english, *GERMAN_WORDS, *OTHER_WORDS) if w.lower() not in own and len(w) > 1 and read(w)
    ] == []
