"""A training to be watched while it goes on: its curves and sample pictures, told to Accelerate's trackers."""
