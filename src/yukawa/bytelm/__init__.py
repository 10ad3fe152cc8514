"""The byte model: one tokenizer and one transformer for text, numbers, formulas, images and particles."""

from __future__ import annotations

from typing import TYPE_CHECKING

from yukawa.facades import from_homes

if TYPE_CHECKING:
    from yukawa.bytelm.configuration import ByteLMConfig
    from yukawa.bytelm.hf_tokenizer import ByteLMTokenizer
    from yukawa.bytelm.modeling import (
        ByteLMForCausalLM,
        ByteLMForRegression,
        ByteLMForSequenceClassification,
        ByteLMModel,
    )
    from yukawa.bytelm.records import RecordFormat
    from yukawa.bytelm.segments import (
        Decimals,
        Floats,
        Formula,
        Image,
        Integers,
        Ordered,
        Records,
        Segment,
        Text,
    )
    from yukawa.bytelm.tokenizer import ByteTokenizer
    from yukawa.bytelm.vocabulary import Mark

__all__ = [
    "ByteLMConfig",
    "ByteLMForCausalLM",
    "ByteLMForRegression",
    "ByteLMForSequenceClassification",
    "ByteLMModel",
    "ByteLMTokenizer",
    "ByteTokenizer",
    "Decimals",
    "Floats",
    "Formula",
    "Image",
    "Integers",
    "Mark",
    "Ordered",
    "RecordFormat",
    "Records",
    "Segment",
    "Text",
]
_HOMES = {
    "ByteLMConfig": "configuration",
    "ByteLMForCausalLM": "modeling",
    "ByteLMForRegression": "modeling",
    "ByteLMForSequenceClassification": "modeling",
    "ByteLMModel": "modeling",
    "ByteLMTokenizer": "hf_tokenizer",
    "ByteTokenizer": "tokenizer",
    "Decimals": "segments",
    "Floats": "segments",
    "Formula": "segments",
    "Image": "segments",
    "Integers": "segments",
    "Mark": "vocabulary",
    "Ordered": "segments",
    "RecordFormat": "records",
    "Records": "segments",
    "Segment": "segments",
    "Text": "segments",
}
# Imported when first used: turning data into bytes needs no torch, and `import yukawa.bytelm` nothing at all.
__getattr__ = from_homes(__name__, _HOMES)
