"""What is stored: schemas, reading and writing, and the statistics of what was read."""
