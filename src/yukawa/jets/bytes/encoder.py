"""Turns jets into the patches of ids that a byte model reads."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from yukawa.bytelm.segments import Mark
from yukawa.core.errors import InputError
from yukawa.jets.bytes.codes import ByteForm, answer_patches, feature_bytes, pack, patch_row
from yukawa.jets.features.config import FEATURES, ROWS, DataConfig, Variable
from yukawa.jets.features.encoder import Encoded, Encoder, FeatureEncoder
from yukawa.jets.features.expressions import columns_of
from yukawa.jets.features.frames import FlatFrame, Level
from yukawa.jets.io.text import TEXT_COLUMNS, sentences
from yukawa.jets.table import Array, Jets, offsets_of

QUESTION = "origin of this jet:"
ANSWER = "answer:"  # at a place of its own a model learns several times as soon what to say
_PLACE = "part_#"  # the place of a particle in its jet, under a name that no expression can use


class ByteEncoder(Encoder):
    """Encodes jets as sequences of patches of ids, the row `patches_NP`: int16, whole patches of P ids.

    A native jet is [BOS, RECORDS, 0] and padding to a whole patch, then its particles as records, the very
    features a `FeatureEncoder` computes, in the code of the form. A jet as text is [BOS, TEXT] and at once the
    bytes of its line. The last patch is filled with padding. An empty jet is its head alone.

    Args:
        config: what a particle's features are, and which particles stay; see `FeatureEncoder`.
        prediction: as for `FeatureEncoder`.
        ends: whether a patch with EOS ends each sequence, as a language model learns it.

    Attributes:
        patch_size: P.
        replaced: how many values of each feature were not finite and were replaced so far, if the config says
            `nonfinite: replace`. Text replaces none: it says `nan` or `inf` then.

    Raises:
        InputError: the config is not resolved, the patch does not fit a particle, the context has no room for
            one, or the order is not an expression.
    """

    def __init__(
        self, config: DataConfig, form: ByteForm, *, prediction: bool = False, ends: bool = False
    ) -> None:
        self.config = config
        self.form = form
        self._text = form.form == "text"
        self._features = FeatureEncoder(_places(config) if self._text else config, prediction=prediction)
        self.replaced = self._features.replaced
        self.patch_size = form.patch_size(len(config.features))
        self.classes = config.classes
        self.selection_columns = self._features.selection_columns
        order = columns_of(config.tree(form.order)) if form.order is not None else ()
        needed = {*self._features.columns, *(TEXT_COLUMNS if self._text else ()), *config.columns(order)} - {
            _PLACE
        }
        self.columns = tuple(sorted(needed))
        self._tail = patch_row([Mark.EOS] if ends else [], self.patch_size)
        self._room(len(self._head()) + len(self._tail))

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
        tails_BT = np.broadcast_to(self._tail, (len(jets), len(self._tail)))
        return self._encode(jets, self._head(), lambda labels_B: tails_BT)

    def encode_question(self, jets: Jets, *, answered: bool = False) -> Encoded:
        """`jets` between `QUESTION` and `ANSWER`, texts of their own; labels and weights stay.

        With `answered`, each is followed by its row of `answers_CP`; without, room is left for it.

        Raises:
            InputError: as `encode` does; or a jet to be answered has no label.
        """
        cue_T = patch_row([Mark.TEXT, *ANSWER.encode()], self.patch_size)
        answers_CP = self.answers_CP if answered else None

        def tails(labels_B: Array) -> Array:
            """The tails behind the jets: the cue, and the answers if they are given."""
            cues_BT = np.broadcast_to(cue_T, (len(labels_B), len(cue_T)))
            if answers_CP is None:
                return cues_BT
            if unknown := int(np.sum(labels_B < 0)):
                raise InputError(f"{unknown} of {len(labels_B)} jets have no label to be answered with")
            return np.concatenate([cues_BT, answers_CP[labels_B]], axis=1)

        words = patch_row([Mark.BOS, Mark.TEXT, *QUESTION.encode()], self.patch_size)
        head = np.concatenate([words, self._head(first=False)])
        return self._encode(jets, head, tails, least_tail=len(cue_T) + self.patch_size)

    @property
    def answers_CP(self) -> Array:  # noqa: N802 -- its dimensions: classes, ids of a patch
        """The patch that names each class, see `answer_patches`."""
        return answer_patches(self.classes, self.patch_size)

    def _head(self, *, first: bool = True) -> Array:
        """The ids before the bytes of a jet, with BOS if nothing stands before them."""
        begin: Sequence[int] = [Mark.BOS] if first else []
        if self._text:
            return np.array([*begin, Mark.TEXT], np.int16)
        return patch_row([*begin, Mark.RECORDS, 0], self.patch_size)

    def _room(self, around: int) -> int | None:
        """How many bytes of a jet fit beside so many ids; None sets no limit."""
        if self.form.context is None:
            return None
        room = self.form.context * self.patch_size - around
        least = 1 if self._text else self.form.record_size(len(self.config.features))
        if room < least:
            raise InputError(
                f"a context of {self.form.context} patches of {self.patch_size} ids has no room for a particle",
                hint=f"give context={-(-(around + least) // self.patch_size)} or more",
            )
        return room

    def _encode(
        self, jets: Jets, head: Array, tails: Callable[[Array], Array], least_tail: int = 0
    ) -> Encoded:
        """Sequences of the head, a jet and its tail, which depends on its label; room is left for `least_tail`."""
        jets = self._ordered(jets)
        encoded = self._features.encode(_numbered(jets) if self._text else jets)
        bytes_X, begins_N, ends_N = self._bytes(jets, encoded)
        tails_BT = tails(encoded.labels)
        around = len(head) + max(least_tail, tails_BT.shape[1])
        begins_B, ends_B, cut_B = self._cut(offsets_of(encoded.counts), begins_N, ends_N, around)
        patches_NP, counts = pack(head, bytes_X, begins_B, ends_B, tails_BT, self.patch_size)
        truncated = encoded.truncated
        if cut_B.any():
            # Those of the features may be among them.
            length = self.config.length
            truncated = int(np.sum(cut_B if length is None else cut_B | (jets.counts > length)))
        return replace(encoded, rows={"patches_NP": patches_NP}, counts=counts, truncated=truncated)

    def _ordered(self, jets: Jets) -> Jets:
        """The jets with their particles in the order of the form."""
        if self.form.order is None:
            return jets
        frame = FlatFrame(jets, self.config.variables)
        key = frame.evaluate(self.config.tree(self.form.order))
        if key.level != Level.PARTICLE:
            raise InputError(
                f"order {self.form.order!r} has one value for each jet, one for each particle is expected",
                hint="type, for instance: order=part_energy",
            )
        jet_N = np.repeat(np.arange(len(jets)), jets.counts)
        # Stable: what is equal stays in its order.
        rows_N = np.lexsort((-np.asarray(key.data, np.float64), jet_N))
        return Jets(jets.offsets, {name: c.take(rows_N) for name, c in jets.particles.items()}, jets.scalars)

    def _bytes(self, jets: Jets, encoded: Encoded) -> tuple[Array, Array, Array]:
        """The bytes of all particles that stay, and where those of each begin and end."""
        if not self._text:
            bytes_NR = feature_bytes(encoded.rows[ROWS[FEATURES]], self.form, self.config)
            begins_N = np.arange(len(bytes_NR)) * bytes_NR.shape[1]
            return bytes_NR.reshape(-1), begins_N, begins_N + bytes_NR.shape[1]
        if encoded.counts.sum() < jets.offsets[-1]:
            places_N = encoded.rows[ROWS[FEATURES]][:, 0].astype(np.int64)
            rows_N = places_N + np.repeat(jets.offsets[:-1], encoded.counts)
            particles = {name: jets.particles[name].take(rows_N) for name in jets.particles}
            jets = Jets.from_counts(encoded.counts, particles, jets.scalars)
        return sentences(jets, finite=self.config.nonfinite == "refuse")

    def _cut(self, offsets: Array, begins_N: Array, ends_N: Array, around: int) -> tuple[Array, Array, Array]:
        """Where the bytes of each jet begin and end so that they fit, and which jets lost particles for it."""
        begins_B, ends_B = _bounds(offsets[:-1], offsets[1:], begins_N, ends_N)
        room = self._room(around)
        cut_B = ends_B - begins_B > (np.inf if room is None else room)
        if not cut_B.any():
            return begins_B, ends_B, cut_B
        counts = np.diff(offsets)
        if self.form.longer == "refuse":
            longest = -(-(int((ends_B - begins_B).max()) + around) // self.patch_size)
            raise InputError(
                f"{int(cut_B.sum())} of {len(counts)} jets are longer than the context of {self.form.context} "
                f"patches, the longest has {longest}",
                hint=f"give context={longest}, or longer=cut to omit their last particles",
            )
        fit_N = ends_N - np.repeat(begins_B, counts) <= room
        fitting_B = np.diff(offsets_of(fit_N)[offsets])
        return *_bounds(offsets[:-1], offsets[:-1] + fitting_B, begins_N, ends_N), cut_B


class QuestionEncoder(ByteEncoder):
    """Encodes jets as questions, see `ByteEncoder.encode_question`.

    See `ByteEncoder` for the other arguments.

    Args:
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


def _bounds(first_B: Array, last_B: Array, begins_N: Array, ends_N: Array) -> tuple[Array, Array]:
    """Where the bytes of the particles `first_B` to `last_B` of each jet begin and end; 0 and 0 for none."""
    bounds_2B = np.zeros((2, len(first_B)), np.int64)
    some = last_B > first_B
    bounds_2B[:, some] = begins_N[first_B[some]], ends_N[last_B[some] - 1]
    return bounds_2B[0], bounds_2B[1]


def _places(config: DataConfig) -> DataConfig:
    """The config of which each row is the place of a particle that stays, which is all that text needs."""
    return config.with_variables(dict.fromkeys(ROWS, (Variable(_PLACE),)))


def _numbered(jets: Jets) -> Jets:
    """`jets` with a column of each particle's place; exact in float32 up to 16 million particles a jet."""
    places_N = np.arange(jets.offsets[-1]) - np.repeat(jets.offsets[:-1], jets.counts)
    return Jets(jets.offsets, {**jets.particles, _PLACE: places_N}, jets.scalars)
