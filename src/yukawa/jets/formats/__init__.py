"""Jets in files: where they come from and where they go."""
