"""A blog that knows who is reading it. Holds nothing: `import blog.presence` must stay light."""
