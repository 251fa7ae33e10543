"""Open SSE streams: what is sent to which, and when. Knows nothing of what the pages show."""
