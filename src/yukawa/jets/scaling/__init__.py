"""How taggers improve with the number of training jets: many trainings, one table, S-curves."""

from __future__ import annotations
