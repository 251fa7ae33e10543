"""The page cache: finished pages, in which only the live numbers are filled in anew."""
