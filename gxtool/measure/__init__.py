"""How good is it, compared with what, and how sure are we: numbers from numpy arrays, never from files or models."""
