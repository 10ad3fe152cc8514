"""The one protocol every language model speaks, and the small value objects it exchanges."""
