"""The report of a search: facts that were stored in, one document out. No I/O, no clock."""
