"""Arrays to encoded examples and batches; splits. No torch."""
