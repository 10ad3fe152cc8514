"""How good a tagger is: predictions, metrics with uncertainties, plots and reports."""
