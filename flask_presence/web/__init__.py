"""The front door: which clients may open a stream, and how a reader's tabs are counted."""
