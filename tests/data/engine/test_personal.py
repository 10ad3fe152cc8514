"""Personal data and secrets are found in what people write, and not in what physicists write."""

from __future__ import annotations

import re

import pytest

from yukawa.data.engine.personal import KINDS, Redaction, find

PERSONAL = {
    "EMAIL": ["Write to jane.doe@example.org please.", "me (at) ihep.ac.cn is fine", "j_d+tag@physics.uni-bonn.de"],
    "KEY": [
        "export KEY=sk-proj-abcdEFGH1234567890abcdEFGH",
        "token ghp_ABCDEFghijkl0123456789abcdefghij0123", "AKIAIOSFODNN7EXAMPLE in the config",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abcdefgh123",
    ],
    "SECRET": ["my password is hunter2", "password: Tr0ub4dor&3", "git clone https://jane:s3cret@gitlab.cern.ch/x.git", "密码是abc12345"],
    "PHONE": ["call me at +41 22 767 6111", "Tel: 010-88236008", "phone 555-867-5309", "我的手机 13812345678"],
    "IP": ["ssh to 192.168.34.17 first", "the node 2001:0db8:85a3:0000:0000:8a2e:0370:7334"],
    "USER": ["cd /afs/cern.ch/user/j/jdoe/work", "in /home/jane.doe/data", r"C:\Users\Jane\Documents", "/scratchfs/bes/wangming/run"],
    "ID": ["身份证 11010519491231002X"],
    "CARD": ["card 4539 1488 0343 6467"],
    "IBAN": ["IBAN DE89 3704 0044 0532 0130 00"],
    "ORCID": ["ORCID 0000-0002-1825-0097"],
    "PERSON": [
        "My name is Jane Doe and I study taus.", "Best regards,\nWei Zhang", "Dear Prof. Müller, thank you", "ask @janedoe about it",
        "I'm Peter Higgs, working on bosons", "my supervisor is Maria Rossi.", "我叫王小明，来自北京",
    ],
}  # fmt: skip
HARMLESS = [
    "The ranges 560-700 and 2623-2630 are excluded.",
    "arXiv:2404.08001, ISSN 1748-0221, LHCb-PAPER-2020-016",
    "ROOT 6.32.04 and Geant4 version 11.2.1.3, http://127.0.0.1:8000",
    "The asymmetry is 0.044 +0.031 -0.025 (stat.) +0.011 -0.009 (syst.).",
    "@dataclass\nclass A: pass", "@article{wilson, year = {2006}}", "spack dev-build lcio@master", "/home/user/data and /Users/shared/x",
    "the mean lifetime is 2.903(5)e-13 s, p = 1.23456789012 GeV/c", "Thanks\n\nBest", "Hi, what is the mass of the Z boson?",
    "Prof. please explain the Standard Model", "event 4539148803436468 of run 00012345", "the token is refreshed automatically",
    "The password is required.", "What does max_tokens=4096 do? token: str", "This is Monte Carlo at 13 TeV", "He I am lines at 587.6 nm",
    "Is the Higgs boson heavier than the W?", "dst file 0000-0002-1825-0098",
]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "text"), [(kind, text) for kind, texts in PERSONAL.items() for text in texts]
)
def test_personal_data_are_found(kind: str, text: str) -> None:
    assert kind in {one.kind for one in find(text)}


@pytest.mark.parametrize("text", HARMLESS)
def test_physics_is_not_personal(text: str) -> None:
    assert find(text) == []


def test_one_value_has_one_placeholder_in_a_conversation() -> None:
    redact = Redaction()
    first = redact("I am Jane Doe, jane@example.org, and my colleague Li Wei has li@example.org.")
    second = redact("Jane Doe said jane@example.org works.")
    assert first == "I am <PERSON_1>, <EMAIL_1>, and my colleague <PERSON_2> has <EMAIL_2>."
    assert second == "<PERSON_1> said <EMAIL_1> works."
    assert redact.counts == {"PERSON": 3, "EMAIL": 3}


def test_names_of_a_list_are_always_replaced() -> None:
    assert (
        Redaction(frozenset({"Ada"}))("Ada wrote it, Adam did not.") == "<PERSON_1> wrote it, Adam did not."
    )


def test_redacting_twice_changes_nothing() -> None:
    for texts in PERSONAL.values():
        for text in texts:
            once = Redaction()(text)
            assert Redaction()(once) == once


def test_the_rest_of_the_text_stays() -> None:
    text = "Mail jane@example.org: $m_Z = 91.19$ GeV.\n  code()"
    assert Redaction()(text) == text.replace("jane@example.org", "<EMAIL_1>")


def test_every_kind_has_a_name_for_the_card() -> None:
    assert set(PERSONAL) == set(KINDS)
    assert all(re.fullmatch(r"[A-Z]+", kind) for kind in KINDS)


def test_long_texts_take_little_time() -> None:
    for text in ("1 2-3." * 20_000, "a@" * 50_000, "A B " * 20_000, "my name is " * 10_000, "+1 " * 30_000):
        find(text)
