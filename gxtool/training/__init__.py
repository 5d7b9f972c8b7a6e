"""Models are fitted, scored and used here: the only room that makes tensors, owns devices and sets seeds."""

import os

# Threads that wait by spinning take the cores from those that compute: beside other work on two cores, a training step
# of 18 ms took 0.5 s. Read when torch is first imported, so it has to be said before.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
