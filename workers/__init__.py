"""The processes that decide and train: a controller, and nodes whose slots train one child at a time."""
