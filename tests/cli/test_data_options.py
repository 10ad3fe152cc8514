"""What the verbs of `yukawa data` share."""

from __future__ import annotations

import pytest

from yukawa.cli.data_options import in_tokens, make_counter
from yukawa.core.errors import InputError
from yukawa.data.manifest import SplitRecord


def test_a_counter_is_made_where_one_is_named():
    assert make_counter(None) is None
    with pytest.raises(InputError, match="there is no tokenizer"):
        make_counter("./absent")


def test_tokens_stand_behind_a_split_that_has_some():
    empty = {"sources": {}, "licences": {}, "categories": {}, "size": 0, "sha256": "0" * 64}
    split = SplitRecord(name="test", path="test.parquet", rows=1, characters=9, **empty)
    assert in_tokens(split) == ""
    assert in_tokens(split.model_copy(update={"tokens": 12_345})) == " (12,345 tokens)"
