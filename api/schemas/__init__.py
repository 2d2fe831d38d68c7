"""What goes over the wire. Accuracies in [0, 1], times in seconds, memory in MiB, moments in UTC."""
