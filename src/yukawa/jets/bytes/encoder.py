"""Turns jets into the patches of ids that a byte model reads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from yukawa.bytelm.vocabulary import Mark
from yukawa.errors import InputError
from yukawa.jets.bytes.codes import feature_bytes
from yukawa.jets.bytes.form import ByteForm
from yukawa.jets.bytes.packing import pack, patch_row
from yukawa.jets.encoded import Encoded, Encoder
from yukawa.jets.features.config import DataConfig
from yukawa.jets.features.encoder import FeatureEncoder, _Block, mask_variable
from yukawa.jets.formats.text import TEXT_COLUMNS, sentences
from yukawa.jets.table import Array, Jets, offsets_of

QUESTION = "origin of this jet:"


class ByteEncoder(Encoder):
    """Encodes jets as sequences of patches of ids, the row `patches_NP`: int16, whole patches of P ids.

    A native jet is [BOS, RECORDS, 0] and padding to a whole patch, then its particles as records, the very
    features a `FeatureEncoder` computes, in the code of the form. A jet as text is [BOS, TEXT] and at once the
    bytes of its line. The last patch is filled with padding. An empty jet is its head alone.

    Args:
        config: what a particle's features are, and which particles stay; see `FeatureEncoder`.
        form: how they become bytes.
        prediction: as for `FeatureEncoder`.
        ends: whether a patch with EOS ends each sequence, as a language model learns it.

    Attributes:
        patch_size: P.
        replaced: how many values of each feature were not finite and were replaced so far, if the config says
            `nonfinite: replace`; a line of text says `nan` or `inf` there.

    Raises:
        InputError: the config is not resolved, the patch does not fit a particle, or the context has no room
            for one.
    """

    def __init__(
        self, config: DataConfig, form: ByteForm, *, prediction: bool = False, ends: bool = False
    ) -> None:
        self._features = FeatureEncoder(config, prediction=prediction)
        self.config = config
        self.form = form
        self.patch_size = form.patch_size(len(config.features))
        self.classes = config.classes
        self.selection_columns = self._features.selection_columns
        text = TEXT_COLUMNS if form.form == "text" else ()
        self.columns = tuple(sorted({*self._features.columns, *text}))
        self._tail = patch_row([Mark.EOS] if ends else [], self.patch_size)
        self._room(self._head(), len(self._tail))

    @property
    def replaced(self) -> Counter[str]:  # type: ignore[override]
        """How many values of each feature were replaced so far."""
        return self._features.replaced

    def select(self, jets: Jets) -> Jets:
        """Those of `jets` that pass the selection of the config.

        Raises:
            InputError: a column is missing, or the selection has a value for each particle.
        """
        return self._features.select(jets)

    def encode(self, jets: Jets) -> Encoded:
        """Patches, labels and weights of `jets`.

        Raises:
            InputError: a column is missing, a number is NaN or infinite, a jet is of none of the classes or of
                two, or jets are longer than the context.
        """
        encoded = self._features.encode(jets)
        return self._pack(jets, encoded, self._head(), np.broadcast_to(self._tail, (len(jets), len(self._tail))))

    def encode_question(self, jets: Jets, *, answered: bool = False) -> Encoded:
        """`jets` behind the words of `QUESTION`, a text of its own; labels and weights stay.

        With `answered`, each is followed by its row of `answers_CP`; without, room is left for it.

        Raises:
            InputError: as `encode` does; or a jet to be answered has no label.
        """
        encoded = self._features.encode(jets)
        tails_BT = np.empty((len(jets), 0), np.int16)
        if answered:
            if np.any(encoded.labels < 0):
                raise InputError(f"{int(np.sum(encoded.labels < 0))} jets have no label to answer with")
            tails_BT = self.answers_CP[encoded.labels]
        head = patch_row([Mark.BOS, Mark.TEXT, *QUESTION.encode()], self.patch_size)
        return self._pack(
            jets, encoded, np.concatenate([head, self._head(first=False)]), tails_BT, self.patch_size
        )

    @property
    def answers_CP(self) -> Array:  # noqa: N802 -- its dimensions: classes, ids of a patch
        """The patch that names each class: [TEXT, its name, EOS] and padding.

        Raises:
            InputError: a name does not fit.
        """
        rows = [patch_row([Mark.TEXT, *name.encode(), Mark.EOS], self.patch_size) for name in self.classes]
        longest = max(self.classes, key=lambda name: len(name.encode()))
        if max(map(len, rows)) > self.patch_size:
            raise InputError(
                f"the answer {longest!r} needs {len(longest.encode()) + 2} ids, a patch has {self.patch_size}",
                hint="give a larger patch, or shorter names of classes",
            )
        return np.stack(rows)

    def _head(self, *, first: bool = True) -> Array:
        """What stands before the bytes of a jet, with BOS if nothing stands before it."""
        begin: Sequence[int] = [Mark.BOS] if first else []
        if self.form.form == "text":
            return np.array([*begin, Mark.TEXT], np.int16)
        return patch_row([*begin, Mark.RECORDS, 0], self.patch_size)

    def _room(self, head: Array, behind: int) -> int | None:
        """How many bytes of a jet fit between head and tail; None is no limit."""
        context = self.form.context
        if context is None:
            return None
        room = context * self.patch_size - len(head) - behind
        least = 1 if self.form.form == "text" else self.form.record_size(len(self.config.features))
        if room < least:
            raise InputError(
                f"a context of {context} patches of {self.patch_size} has no room for a particle",
                hint=f"give context={-(-(context * self.patch_size - room + least) // self.patch_size)} or more",
            )
        return room

    def _pack(self, jets: Jets, encoded: Encoded, head: Array, tails_BT: Array, behind: int = 0) -> Encoded:
        """The sequences of `jets`, of which `encoded` are the features."""
        offsets = offsets_of(encoded.counts)
        if self.form.form == "text":
            bytes_X, begins_N, ends_N = sentences(self._kept(jets, encoded))
        else:
            bytes_NR = feature_bytes(encoded.rows["features_NF"], self.form, self.config)
            record = bytes_NR.shape[1]
            begins_N = np.arange(len(bytes_NR)) * record
            bytes_X, ends_N = bytes_NR.reshape(-1), begins_N + record
        behind = max(behind, tails_BT.shape[1])
        begins_B, ends_B, shorter_B = self._cut(offsets, begins_N, ends_N, self._room(head, behind), len(head) + behind)
        patches_NP, counts = pack(head, bytes_X, begins_B, ends_B, tails_BT, self.patch_size)
        truncated = encoded.truncated
        if shorter_B.any():
            length = self.config.length
            truncated = int(np.sum(shorter_B | (jets.counts > length if length is not None else False)))
        return replace(encoded, rows={"patches_NP": patches_NP}, counts=counts, truncated=truncated)

    def _kept(self, jets: Jets, encoded: Encoded) -> Jets:
        """The particles of `jets` that the features are of."""
        if encoded.counts.sum() == jets.offsets[-1]:
            return jets
        keep = _Block(self.config, mask_variable(self.config), jets).keep
        particles = {name: jets.particles[name].take(keep) for name in jets.particles if name in TEXT_COLUMNS}
        return Jets.from_counts(encoded.counts, particles, jets.scalars)

    def _cut(
        self, offsets: Array, begins_N: Array, ends_N: Array, room: int | None, around: int
    ) -> tuple[Array, Array, Array]:
        """Where the bytes of each jet begin and end so that they fit, and whether it lost particles."""
        counts = np.diff(offsets)
        some = counts > 0
        begins_B, ends_B = np.zeros((2, len(counts)), np.int64)
        begins_B[some] = begins_N[offsets[:-1][some]]
        ends_B[some] = ends_N[offsets[1:][some] - 1]
        if room is None or not np.any(long := ends_B - begins_B > room):
            return begins_B, ends_B, np.zeros(len(counts), bool)
        if self.form.longer == "refuse":
            most = -(-(int((ends_B - begins_B).max()) + around) // self.patch_size)
            raise InputError(
                f"{int(long.sum())} of {len(counts)} jets are longer than the context of {self.form.context} "
                f"patches, the longest has {most}",
                hint=f"give context={most}, or longer=cut to leave out their last particles",
            )
        fits_N = ends_N - np.repeat(begins_B, counts) <= room
        fitting = np.diff(offsets_of(fits_N)[offsets])
        ends_B = begins_B.copy()
        whole = fitting > 0
        ends_B[whole] = ends_N[offsets[:-1][whole] + fitting[whole] - 1]
        return begins_B, ends_B, long
