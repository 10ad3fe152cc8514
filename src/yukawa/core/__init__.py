"""What any program needs: errors, settings, configuration, files, plots, reports, statistics; no torch."""
