"""What a child is trained by, and how a model is converted to it.

Read ``conversion`` (a model's layers become sites) → ``sites`` (activation and linear operation as one
autograd function) → ``discovery`` (what stands below each layer).
"""
