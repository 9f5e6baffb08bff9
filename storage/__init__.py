"""Files that are written whole or not at all, for all packages."""
