"""Colour integrity: a card of known colours, printed for a camera, drawn for the pipeline itself."""
