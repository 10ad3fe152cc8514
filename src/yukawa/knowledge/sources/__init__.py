"""Sources that fill a knowledge base with facts: the Particle Data Group's Review of Particle Physics."""
