"""The cost of many workers on one Redis: measured for a few, calculated for a hundred."""
