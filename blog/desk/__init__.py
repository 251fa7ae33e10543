"""The author's private pages: who gets in, and what stands there."""
