"""Model families: one folder each, found by name; beside them what works for any family."""
