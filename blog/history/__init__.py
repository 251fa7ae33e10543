"""What presence leaves behind: counters for each page and minute, and nothing about a reader."""
