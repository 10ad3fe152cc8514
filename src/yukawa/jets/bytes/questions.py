"""Turns jets into questions in words: the prompt, the jet and, where a model learns it, the answer."""

from __future__ import annotations

from yukawa.jets.bytes.encoder import ByteEncoder
from yukawa.jets.bytes.form import ByteForm
from yukawa.jets.features.config import DataConfig
from yukawa.jets.features.encoded import Encoded
from yukawa.jets.table import Jets


class QuestionEncoder(ByteEncoder):
    """Encodes jets as questions, see `ByteEncoder.encode_question`.

    Args:
        config: as for `ByteEncoder`.
        form: as for `ByteEncoder`.
        prediction: as for `ByteEncoder`.
        answered: whether the answer follows; the jets then need labels.
    """

    def __init__(
        self, config: DataConfig, form: ByteForm, *, prediction: bool = False, answered: bool = False
    ) -> None:
        super().__init__(config, form, prediction=prediction)
        self.answered = answered

    def encode(self, jets: Jets) -> Encoded:
        """Questions, labels and weights of `jets`.

        Raises:
            InputError: as for `ByteEncoder.encode_question`.
        """
        return self.encode_question(jets, answered=self.answered)
