"""A missing package is answered with the line that installs it."""

from __future__ import annotations

import pytest

from yukawa.corpus.extras import require
from yukawa.errors import MissingPackage


def test_a_package_that_is_there_is_given():
    assert require("json.decoder", "reading").__name__ == "json.decoder"


def test_a_missing_package_names_its_extra():
    with pytest.raises(MissingPackage, match=r"reading Parquet .*'no_such_package'.*yukawa\[train\]"):
        require("no_such_package.part", "reading Parquet")
