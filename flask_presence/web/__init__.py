"""The way in: who may open a stream, and how the tabs of a reader are counted."""
