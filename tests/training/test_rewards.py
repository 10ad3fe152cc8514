"""Judges of replies: from 0 to 1, the same every time, and not to be satisfied by anything but an answer."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yukawa.core.errors import InputError
from yukawa.training.rewards import REWARDS, check_judged, reward, rewards

ASKED = (
    "[1] The mass of the tau lepton is 1776.93 ± 0.09 MeV.\n[2] The mass of the muon is 105.658 MeV.\n\n"
    "Question: What is the mass of the tau lepton?"
)


@pytest.mark.parametrize("name", REWARDS)
@given(reply=st.text(max_size=80))
def test_a_reward_is_a_share_and_the_same_every_time(name, reply):
    value = reward(name, ASKED, "1776.93 ± 0.09 MeV", reply)
    assert 0 <= value <= 1
    assert value == reward(name, ASKED, "1776.93 ± 0.09 MeV", reply)


@pytest.mark.parametrize(
    ("reply", "worth"),
    [
        ("1776.93 MeV", 1), ("The mass is 1776.9 MeV.", 1), ("1.77693 GeV", 1), ("1777.5 MeV", 0), ("1776.93", 0),
        ("1776.93 GeV", 0), ("105.7 MeV, or rather 1776.93 MeV", 0), ("I do not know.", 0), ("", 0),
        ("<think>105.7 MeV?</think> 1776.93 MeV", 1),
    ],
)  # fmt: skip
def test_the_number_judge_takes_the_value_in_its_unit_within_its_error(reply, worth):
    assert reward("number", "What is the mass of the tau lepton?", "1776.93 ± 0.09 MeV", reply) == worth


@pytest.mark.parametrize(
    ("reply", "worth"),
    [
        ("The mass of the tau lepton is 1776.93 ± 0.09 MeV [1].", 1),
        ("The mass of the tau lepton is 1776.9 MeV [1].", 1),
        ("The mass of the tau lepton is 1776.93 MeV [1].", 0),  # without the error that these digits need
        ("The mass of the tau lepton is 1776.93 ± 0.09 MeV [2].", 0),  # the wrong source
        ("The mass of the tau lepton is 1776.93 ± 0.09 MeV.", 0),  # none
        ("The mass of the tau lepton is 1778.93 ± 0.09 MeV [1].", 0),  # another value
        ("The mass of the muon is 105.658 MeV [2].", 0),  # true, and no answer
        ("The mass of the tau lepton is 1776.9 MeV [1]. The mass of the muon is 105.658 MeV [2].", 1),
        ("The mass of the tau lepton is 1776.9 MeV [1]. The mass of the muon is 107 MeV [2].", 0.5),
        ("The mass of the tau lepton is 1776.9 MeV [1], see https://example.org/x.", 0),
        ("", 0),
    ],
)  # fmt: skip
def test_the_citation_judge_counts_sentences_that_their_sources_support(reply, worth):
    assert reward("citation", ASKED, "", reply) == worth


def test_what_cannot_be_judged_is_refused():
    check_judged("number", "How heavy is it?", "1776.93 ± 0.09 MeV")
    check_judged("citation", ASKED, "")
    for answer in ("heavy", "1 MeV or 2 GeV", ""):
        with pytest.raises(InputError, match="is not one number"):
            check_judged("number", "How heavy is it?", answer)
    for question in ("What is the mass of the tau?", "[2] The tau is heavy.\nWhat is its mass?"):
        with pytest.raises(InputError, match="no sources numbered from 1"):
            check_judged("citation", question, "")


def test_rewards_are_those_of_each_reply():
    found = rewards("number", ["?", "?"], ["5 MeV", "6 MeV"], ["5 MeV", "5 MeV"])
    assert found == [1, 0]
