"""Jets as bytes: what the byte model reads of a jet, as numbers in a fixed code or as text."""

from __future__ import annotations

from yukawa.jets.bytes.codes import decode_features
from yukawa.jets.bytes.encoder import ByteEncoder
from yukawa.jets.bytes.form import ByteForm

__all__ = ["ByteEncoder", "ByteForm", "decode_features"]
