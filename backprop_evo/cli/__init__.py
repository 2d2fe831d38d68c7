"""The command line: a client of the REST API, and the launcher of processes. ``main`` mounts the commands."""
