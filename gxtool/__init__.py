"""gxtool: train, evaluate and explain published models of gene expression."""
