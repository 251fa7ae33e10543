"""Measure the blog beside its peers and the floor of the machine: `make bench`."""
