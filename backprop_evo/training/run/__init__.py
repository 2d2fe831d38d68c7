"""One training, from a spec to a result.

Read ``trainer`` (the entry) → ``rate_choice`` (which learning rate) → ``loop`` (steps, validation) →
``child`` (network, method, optimiser); beside them ``calibration`` (from a relative step to a rate),
``evaluation`` (accuracy), ``guards`` (when to end early), ``schedule``, ``rungs`` (where
a pruner is asked), ``randomness``, ``material`` (what probes and run share), ``resident`` (the data on the
device), ``capability`` (what this machine can do) and ``alignment`` (angles to the true
gradient).
"""
