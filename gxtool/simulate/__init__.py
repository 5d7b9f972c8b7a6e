"""Inputs in the true file formats with a planted, known signal; no code is shared with what reads them."""
