"""How taggers improve with the number of training jets: many trainings, one table, S-curves."""
