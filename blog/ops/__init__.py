"""What an operator sees and sets: headers, logs."""
