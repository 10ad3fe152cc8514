from __future__ import annotations

import pickle

import numpy as np
import pytest

from yukawa.jets.bytes.encoder import ByteEncoder
from yukawa.jets.bytes.form import ByteForm
from yukawa.jets.bytes.questions import QuestionEncoder
from yukawa.jets.features.config import load_data_config


@pytest.mark.parametrize("answered", [False, True])
@pytest.mark.parametrize("form", [ByteForm(), ByteForm(form="text", patch=40)])
def test_it_encodes_jets_as_questions(make_jets, answered, form) -> None:
    config, jets = load_data_config("jet-origin"), make_jets([3, 1, 8])
    encoder = pickle.loads(pickle.dumps(QuestionEncoder(config, form, answered=answered)))  # noqa: S301 -- our own
    found, expected = encoder.encode(jets), ByteEncoder(config, form).encode_question(jets, answered=answered)
    np.testing.assert_array_equal(found.rows["patches_NP"], expected.rows["patches_NP"])
    np.testing.assert_array_equal(found.counts, expected.counts)
    np.testing.assert_array_equal(found.labels, expected.labels)
