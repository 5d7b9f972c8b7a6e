"""Promoter sequence to expression: Proformer and other trunks on the same input, heads and losses."""
