"""What a child is trained by: an equation, or a method with a name of its own.

Read ``registry`` (which methods there are) → ``declaration`` (how one declares itself) → ``known/`` (one file
each) → ``learner`` (what carries out the steps of one child). Methods with sites rest on ``conversion`` (a
model's layers become sites) → ``sites`` (activation and linear operation as one autograd function) →
``discovery`` (what stands below each layer). ``changed_gradient`` is what controls
are made of. Importing this package does not import torch.
"""

from backprop_evo.training.methods.declaration import Declared, Method
from backprop_evo.training.methods.registry import as_method, declared, method_of

__all__ = ["Declared", "Method", "as_method", "declared", "method_of"]
