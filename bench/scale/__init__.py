"""What many workers on one Redis cost: measured for a few, and on paper for a hundred."""
