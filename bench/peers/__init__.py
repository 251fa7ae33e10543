"""The same job done with other stacks: a live count of a page's readers."""
