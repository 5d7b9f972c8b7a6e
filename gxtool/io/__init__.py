"""Files to numpy, polars and scipy.sparse and back: the only room that opens files."""
