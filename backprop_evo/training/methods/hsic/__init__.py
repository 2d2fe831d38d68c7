"""The HSIC bottleneck (Ma, Lewis & Kleijn 2020): each stage of a network has a loss of its own, no error is
sent back.

Read ``dependence`` (normalised HSIC and its gradient) → ``stages`` (where a network is cut) →
``unit_classes`` (which output stands for which class) → ``learner``. Importing this package does not import
torch.
"""
