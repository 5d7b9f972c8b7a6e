"""Measurements of gxtool beside what a person would use instead: same input, warm, taking turns in one process.

`python -m benchmarks` from the repository's folder prints the table of README.md. Nothing here is a timed test.
"""
