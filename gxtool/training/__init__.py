"""Models are fitted, scored and used here: the only room that makes tensors, owns devices and sets seeds."""
