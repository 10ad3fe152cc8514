"""The jet tools read YAML by the one mechanism there is."""

from __future__ import annotations

import yukawa.documents
from yukawa.jets import documents


def test_every_name_is_the_ground_floor_s():
    assert documents.__all__
    assert all(getattr(documents, name) is getattr(yukawa.documents, name) for name in documents.__all__)
