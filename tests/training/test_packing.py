from __future__ import annotations

import datasets
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoModelForCausalLM

from yukawa.training.packing import PackedRows, packed_collator, pad_to_world_size
from yukawa.training.tokenization import IGNORED

ROWS = [
    {"input_ids": [5, 6, 7, 8, 9, 10], "seq_lengths": [2, 4]},
    {"input_ids": [11, 12, 13], "seq_lengths": [3], "labels": [-100, -100, 13]},
]


def test_positions_begin_anew_and_only_what_follows_is_learned():
    batch = PackedRows(pad=0)(ROWS)
    assert batch["position_ids"].tolist() == [[0, 1, 0, 1, 2, 3], [0, 1, 2, 0, 0, 0]]
    assert batch["labels"].tolist() == [[-100, 6, -100, 8, 9, 10], [-100, -100, 13, -100, -100, -100]]
    assert batch["input_ids"].tolist() == [[5, 6, 7, 8, 9, 10], [11, 12, 13, 0, 0, 0]]


def test_packed_texts_do_not_see_each_other(tiny):
    model = AutoModelForCausalLM.from_pretrained(tiny).eval()
    batch = PackedRows(pad=2)(ROWS)
    with torch.no_grad():
        together = model(
            input_ids=batch["input_ids"], position_ids=batch["position_ids"], use_cache=False
        ).logits
        alone = [
            model(input_ids=torch.tensor([ids])).logits[0] for ids in ([5, 6], [7, 8, 9, 10], [11, 12, 13])
        ]
    assert torch.allclose(together[0], torch.cat(alone[:2]), atol=1e-5)
    assert torch.allclose(together[1, :3], alone[2], atol=1e-5)


def test_kernels_of_variable_length_get_one_row():
    assert isinstance(packed_collator(0, "sdpa"), PackedRows)
    batch = packed_collator(0, "flash_attention_2")([ROWS[0]])
    assert batch["cu_seq_lens_q"].tolist() == [0, 2, 6]


@pytest.mark.parametrize(
    "row",
    [
        {"input_ids": [5, 6], "seq_lengths": [2]},
        {"input_ids": [5, 6], "labels": [IGNORED, 6], "seq_lengths": [2]},
        {"prompt_ids": [5], "chosen_ids": [6], "rejected_ids": [7]},
    ],
)
@given(rows=st.integers(1, 9), share=st.integers(1, 8))
def test_padding_rows_fill_the_last_batches(row, rows, share):
    given_rows = datasets.Dataset.from_list([row] * rows)
    made = pad_to_world_size(given_rows, share, pad=3)
    assert len(made) % share == 0
    assert rows <= len(made) < rows + share
    assert made.features == given_rows.features
    assert made.to_list()[:rows] == given_rows.to_list()
    for padding in made.to_list()[rows:]:
        assert padding.get("input_ids", [3]) == [3]
        assert padding.get("labels", [IGNORED]) == [IGNORED]
        assert padding.get("chosen_ids", []) == padding.get("rejected_ids", []) == []
