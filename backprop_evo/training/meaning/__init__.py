"""What an equation computes in one backward pass of one site, in torch.

Read ``rules`` (an equation compiled) → ``operands`` and ``elementary`` (the meaning of each component) →
``site_view`` (what an equation may look at) → ``linear_ops``, ``poolings``, ``activations``, ``notes`` (how a
layer finds what stands below it), ``feedback`` (the fixed random matrices); ``norms``, ``draws`` and
``statistics`` are the fast arithmetic below. The reference meaning in float64 numpy is ``dsl.reference``.
"""
