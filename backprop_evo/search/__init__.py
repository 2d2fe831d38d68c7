"""The brain of a search: pure functions of stored rows, no I/O, no clock, no global randomness."""
