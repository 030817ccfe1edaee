"""After training: metrics, calibration, thresholds, likely label errors."""
