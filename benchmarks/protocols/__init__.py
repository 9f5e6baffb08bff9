"""The protocols in words, a file each, and the variants of the reconstruction protocol that papers use."""
