"""The vector column: what half precision costs."""

from __future__ import annotations

import numpy as np
from sqlalchemy.dialects import sqlite

from yukawa.knowledge.store.schema import Vector


def test_a_stored_vector_comes_back_to_half_precision_and_cosines_hold() -> None:
    generator = np.random.default_rng(1)
    vectors = generator.normal(size=(2000, 384)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    column, dialect = Vector(), sqlite.dialect()
    stored = np.stack(
        [column.process_result_value(column.process_bind_param(v, dialect), dialect) for v in vectors]
    )
    assert stored.dtype == np.float32
    queries = vectors[:20]
    assert (
        np.abs(stored @ queries.T - vectors @ queries.T).max() < 5e-4
    )  # a vector with itself is the worst case
    away = ~np.eye(2000, 20, dtype=bool)
    assert np.abs((stored @ queries.T - vectors @ queries.T)[away]).max() < 5e-5
