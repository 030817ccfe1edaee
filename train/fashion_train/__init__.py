"""fashion-train: photos in folders to a run, that is a Keras model, its metrics and its report."""
