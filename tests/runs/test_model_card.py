from __future__ import annotations

from yukawa.runs.model_card import LEVELS, metrics_table, model_card


def test_a_card_states_level_and_base_and_shows_its_commands():
    page = model_card(
        "small", "A small model.", level="L2", base="`tiny`",
        sections={"Data": {"rows": 3}, "Note": "Some text."},
        commands={"yukawa merge RUN": "put it into its base", "yukawa demo": "show it"},
        advice="Be careful.",
    )  # fmt: skip
    assert page.startswith(
        "# small\n\nA small model.\n\n|  |  |\n| --- | --- |\n| level | L2: a model taught the domain |\n"
    )
    assert "| base | `tiny` |" in page
    assert "## Data\n\n|  |  |\n| --- | --- |\n| rows | 3 |\n\n## Note\n\nSome text.\n" in page
    assert (
        "    yukawa merge RUN  # put it into its base\n    yukawa demo       # show it\n\nBe careful.\n"
        in page
    )


def test_new_weights_and_other_models_are_said_to_be_such():
    page = model_card("tagger", "A tagger.", level=None, base=None, sections={}, commands={})
    assert "| level | not a language model |\n| base | none: all weights are new |" in page
    assert list(LEVELS) == ["L0", "L1", "L2"]


def test_metrics_have_names_for_people():
    assert metrics_table({"validation_loss": 2.51234, "loss": 2}) == {"loss": "2", "validation loss": "2.512"}
