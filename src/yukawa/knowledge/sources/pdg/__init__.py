"""The Review of Particle Physics of the Particle Data Group as statements with their sources."""
