from __future__ import annotations

import pickle

import pytest

from yukawa.core.errors import InputError
from yukawa.jets.simulation.cards import CARDS, PROCESSES, Card, Process, load_card, load_process
from yukawa.jets.table import JET_ORIGIN


@pytest.fixture
def write(tmp_path):
    def write(text, name="mine.yaml"):
        (tmp_path / name).write_text(text)
        return tmp_path / name

    return write


@pytest.mark.parametrize("path", sorted(CARDS.glob("*.yaml")), ids=lambda path: path.stem)
def test_a_shipped_card_is_read_whole_and_again(path):
    card = load_card(path.stem)
    assert card.name == path.stem
    assert Card.model_validate(card.model_dump()) == card
    assert pickle.loads(pickle.dumps(card)) == card  # noqa: S301 -- as it goes to workers


def test_the_shipped_cards_are_these_and_the_default_is_the_cepc():
    assert [path.stem for path in sorted(CARDS.glob("*.yaml"))] == ["cepc", "idea", "ild"]
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
        ("hcal: {stochastic: -0.4}", "hcal.stochastic = -0.4: expected a number greater than or equal to 0"),
        ("tracking: {d0: {constant: -1}}", "tracking.d0.constant = -1"),
        ("dedx_resolution: 0", "dedx_resolution = 0: expected a number greater than 0"),
        (
            "tracking: {efficiency: [{pt_min: 0, efficiency: 1.1}]}",
            r"tracking.efficiency.0.efficiency = 1.1: expected a number less than or equal to 1",
        ),
        ("tracking: {efficiency: [{pt_min: 0, efficiency: -0.1}]}", "greater than or equal to 0"),
        ("ecal: {constant: .nan}", "ecal.constant = nan: expected a finite number"),
        ("field: .inf", "field = inf: expected"),
        ("trackin: {}", r"unknown key trackin \(did you mean tracking\?\)"),
        ("tracking: {efficiency: []}", "at least 1 item"),
        (
            "tracking: {efficiency: [{pt_min: 1, efficiency: 1}, {pt_min: 0, efficiency: 1}]}",
            "pt_min must increase",
        ),
        (
            "tracking: {momentum: [{eta_max: 3, constant: 0, slope: 0}, {eta_max: 3, constant: 0, slope: 0}]}",
            "eta_max must increase",
        ),
        ("tracking: {eta_max: 4}", "the steps of momentum end at"),
        ("identification: guess", "expected 'truth' or 'dedx"),
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


MINE = """
settings: ["Beams:idA = 11"]
samples:
  - {name: light, settings: ["23:onIfAny = 1 2"], yields: {u: 0.5, ubar: 0.5, d: 0.5, dbar: 0.5}}
clustering: {algorithm: durham, exclusive: 2}
label: {rule: pairing}
"""


@pytest.mark.parametrize("path", sorted(PROCESSES.glob("*.yaml")), ids=lambda path: path.stem)
def test_a_shipped_process_is_read_whole_and_again(path):
    process = load_process(path.stem)
    assert process.name == path.stem
    assert Process.model_validate(process.model_dump()) == process
    assert pickle.loads(pickle.dumps(process)) == process  # noqa: S301 -- as it goes to workers


def test_jet_origin_has_the_eleven_classes_in_the_published_order():
    process = load_process()
    assert process.classes == JET_ORIGIN
    assert all(sum(sample.yields.values()) == 2 for sample in process.samples)
    assert process.sample("gg").yields == {"g": 2}
    assert not process.clustering.hadronic


def test_hadron_jets_have_the_names_of_jetclass():
    process = load_process("hadron-jets")
    assert process.classes == ("Tbqq", "Wqq", "QCD")
    assert process.label.codes("Tbqq") == (6, -6)
    assert process.clustering.hadronic


def test_ones_own_process_is_read(write):
    process = load_process(write(MINE))
    assert process.name == "mine"
    assert process.classes == ("u", "ubar", "d", "dbar")
    assert process.label.codes("ubar") == (-2,)


def test_a_command_file_becomes_settings_before_those_beside_it(write):
    write("! a comment\nBeams:idB = -11\n\n  # another\n  Beams:eCM = 91.2 ! the Z pole\n", "z.cmnd")
    write("23:onMode = off\n", "light.cmnd")
    process = load_process(write(MINE.replace("{name: light,", "{name: light, command_file: light.cmnd,")
                                 + "command_file: z.cmnd\n"))  # fmt: skip
    assert process.settings == ("Beams:idB = -11", "Beams:eCM = 91.2 ! the Z pole", "Beams:idA = 11")
    assert process.samples[0].settings == ("23:onMode = off", "23:onIfAny = 1 2")


def test_a_missing_command_file_is_named(write):
    with pytest.raises(InputError, match=r"the command file .*z\.cmnd cannot be read"):
        load_process(write(MINE + "command_file: z.cmnd\n"))


def test_a_sample_is_found_by_name():
    process = load_process()
    assert process.sample("cc").classes == ("c", "cbar")
    with pytest.raises(InputError, match=r"no sample 'ccc'; it has: bb, cc, .*did you mean cc\?"):
        process.sample("ccc")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("yields", "yeilds", r"unknown key samples.0.yeilds \(did you mean samples.0.yields\?\)"),
        ("{u: 0.5,", "{u: 0,", "samples.0.yields.u = 0"),
        ("durham", "kt", "clustering.algorithm = 'kt'"),
        ("exclusive: 2", "exclusive: 3", "needs `exclusive: 2` jets"),
        ("exclusive: 2", "exclusive: 0", "greater than or equal to 1"),
        ("durham, exclusive: 2", "durham", "durham needs `exclusive`"),
        ("durham, exclusive: 2", "durham, exclusive: 2, radius: 1", "durham has no radius"),
        ("durham", "antikt", "antikt needs a radius"),
        ("durham, exclusive: 2", "antikt, radius: 0.4, exclusive: 2", "no meaning for antikt"),
        ("exclusive: 2", "exclusive: 2, pt_min: 5", "cut on inclusive jets"),
        ("rule: pairing", "rule: parton-match", "parton-match needs a radius"),
        ("rule: pairing", "rule: pairing, radius: 0.4", "pairing has no radius"),
        ("rule: pairing", "rule: sample", "needs one class per sample"),
        ("u: 0.5", "top: 0.5", "the class top has no particle"),
        ("label: {rule: pairing}", "", "label is missing"),
        ("samples:", "samples: [{name: light, yields: {b: 1}}]\nsample:", "unknown key sample "),
    ],
)
def test_a_wrong_process_is_one_clear_line(write, old, new, message):
    assert old in MINE
    with pytest.raises(InputError, match=message):
        load_process(write(MINE.replace(old, new)))


def test_two_samples_need_two_names(write):
    twice = MINE.replace("samples:", "samples:\n  - {name: light, yields: {b: 1, bbar: 1}}")
    with pytest.raises(InputError, match="two samples have the same name"):
        load_process(write(twice))


def test_an_unknown_process_has_its_neighbour():
    with pytest.raises(InputError, match=r"did you mean jet-origin\?"):
        load_process("jet-orgin")
