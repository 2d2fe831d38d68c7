"""Synthetic gradients (Jaderberg et al. 2017): a small model at each site predicts the signal that it sends
down, so that a layer need not wait for those above it.

Read ``predictors`` (the small model, M) → ``predicted_signal`` (what a site sends, and what M learns from) →
``learner``. Importing this package does not import torch.
"""
