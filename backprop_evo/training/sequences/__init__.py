"""Recurrent networks on sequences, trained in truncated windows: with nothing beyond a window's end
(truncated BPTT), or with a small model there that predicts the gradient of all that is still to come
(synthetic gradients).

This room knows of time; no other does. Read ``spec`` → ``windows`` (one window, and where they come from) →
``episodes`` and ``text`` (the tasks) → ``network`` → ``future`` (what is known of the gradient at a window's
end) → ``learner`` (one window) → ``run`` (a training). ``spec`` and ``report`` need no torch, and importing
this package does not import it.
"""
