"""The command line: flags, and what is said of mistakes in them."""
