"""Markdown to HTML: the steps before, in and after Python-Markdown, and what hints they give."""
