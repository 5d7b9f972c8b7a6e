"""One idea for all families: change the input, read the change of the output."""
