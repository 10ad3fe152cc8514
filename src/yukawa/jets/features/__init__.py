"""What a network sees of a jet: data configs, their expressions, and the encoder."""
