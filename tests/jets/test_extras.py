"""A missing optional package is answered with the line that installs it."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from yukawa.errors import InputError, MissingPackage
from yukawa.jets.extras import require


def test_what_is_installed_is_given():
    assert require("json", "reading JSON") is json
    assert require("json.decoder", "reading JSON") is sys.modules["json.decoder"]


@pytest.mark.parametrize(
    ("package", "extra"), [("uproot", "jets"), ("torch", "train"), ("transformers", "train")]
)
def test_what_is_missing_is_answered_with_its_extra(
    package: str, extra: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    for name in [name for name in sys.modules if name.partition(".")[0] == package]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    for wanted in (package, f"{package}.inner"):
        with pytest.raises(MissingPackage, match=f"reading needs the package '{package}'") as caught:
            require(wanted, "reading")
        assert caught.value.hint == f"type: pip install 'yukawa[{extra}]'"
        assert isinstance(caught.value, InputError)
