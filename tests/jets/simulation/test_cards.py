from __future__ import annotations

import pickle

import pytest

from yukawa.core.errors import InputError
from yukawa.jets.simulation.cards import SHIPPED, Card, load_card


@pytest.fixture
def write(tmp_path):
    def write(text, name="mine.yaml"):
        (tmp_path / name).write_text(text)
        return tmp_path / name

    return write


@pytest.mark.parametrize("path", sorted(SHIPPED.glob("*.yaml")), ids=lambda path: path.stem)
def test_a_shipped_card_is_read_whole_and_again(path):
    card = load_card(path.stem)
    assert card.name == path.stem
    assert Card.model_validate(card.model_dump()) == card
    assert pickle.loads(pickle.dumps(card)) == card  # noqa: S301 -- as it goes to workers


def test_the_shipped_cards_are_these_and_the_default_is_the_cepc():
    assert [path.stem for path in sorted(SHIPPED.glob("*.yaml"))] == ["cepc", "idea", "ild"]
    card = load_card()
    assert (card.name, card.field, card.identification, card.jet_energy_scale) == ("cepc", 3, "truth", 1.025)
    assert [step.efficiency for step in card.tracking.efficiency] == [0.06, 0.9, 0.997]
    assert (card.ecal.stochastic, card.hcal.stochastic) == (0.03, 0.4)


def test_a_card_may_start_from_another(write):
    write("base: ild\nfield: 4\n", "first.yaml")
    card = load_card(write("base: first.yaml\ntracking: {d0: {power: 1}}\nidentification: dedx+tof\n"))
    ild = load_card("ild")
    assert card.name == "mine"
    assert (card.field, card.identification) == (4, "dedx+tof")
    assert card.tracking.d0 == ild.tracking.d0.model_copy(update={"power": 1})
    assert card.tracking.z0 == ild.tracking.z0
    assert (card.ecal, card.hcal, card.tracker) == (ild.ecal, ild.hcal, ild.tracker)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("hcal: {stochastic: -0.4}", "hcal.stochastic = -0.4: Input should be greater than or equal to 0"),
        ("tracking: {d0: {constant: -1}}", "tracking.d0.constant = -1"),
        ("dedx_resolution: 0", "dedx_resolution = 0: Input should be greater than 0"),
        (
            "tracking: {efficiency: [{pt_min: 0, efficiency: 1.1}]}",
            r"tracking.efficiency.0.efficiency = 1.1: Input should be less than or equal to 1",
        ),
        ("tracking: {efficiency: [{pt_min: 0, efficiency: -0.1}]}", "greater than or equal to 0"),
        ("ecal: {constant: .nan}", "ecal.constant = nan: Input should be a finite number"),
        ("field: .inf", "field = inf: Input should be"),
        ("trackin: {}", r"unknown key trackin \(did you mean tracking\?\)"),
        ("tracking: {efficiency: []}", "at least 1 item"),
        (
            "tracking: {efficiency: [{pt_min: 1, efficiency: 1}, {pt_min: 0, efficiency: 1}]}",
            "pt_min must rise",
        ),
        (
            "tracking: {momentum: [{eta_max: 3, constant: 0, slope: 0}, {eta_max: 3, constant: 0, slope: 0}]}",
            "eta_max must rise",
        ),
        ("tracking: {eta_max: 4}", "the steps of momentum end at"),
        ("identification: guess", "Input should be 'truth' or 'dedx"),
        ("tracker: 5", "tracker = 5"),
    ],
)
def test_a_wrong_card_is_one_clear_line(write, text, message):
    with pytest.raises(InputError, match=message) as caught:
        load_card(write(f"base: cepc\n{text}\n"))
    assert "mine.yaml: " in str(caught.value)


def test_a_card_without_base_must_say_everything(write):
    with pytest.raises(InputError, match="field is missing"):
        load_card(write("name: mine"))


def test_a_card_that_is_its_own_base_is_refused(write):
    write("base: b.yaml", "a.yaml")
    with pytest.raises(InputError, match="is its own base"):
        load_card(write("base: a.yaml", "b.yaml"))
