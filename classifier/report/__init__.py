"""The report that a training leaves in the model folder: evidence in, a page and a card out."""
