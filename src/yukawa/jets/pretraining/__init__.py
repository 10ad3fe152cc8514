"""Pre-training of byte models on mixtures of text and jets."""
