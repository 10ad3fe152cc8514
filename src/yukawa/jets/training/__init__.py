"""Training of jet taggers: a recipe becomes a run."""
