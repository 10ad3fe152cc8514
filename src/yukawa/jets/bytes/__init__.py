"""Jets as bytes: what the byte model reads of a jet, as numbers in a fixed code or as text."""

from yukawa.jets.bytes.encoder import ByteEncoder, ByteForm, decode_features

__all__ = ["ByteEncoder", "ByteForm", "decode_features"]
