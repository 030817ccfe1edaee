"""What a run leaves: run folder, report, plots, model card."""
