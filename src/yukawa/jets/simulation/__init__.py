"""From a process and a detector card to jets on disk."""
