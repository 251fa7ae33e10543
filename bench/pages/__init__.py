"""What a page costs, beside an empty Flask view: `make bench-pages`."""
