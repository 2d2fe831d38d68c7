"""Published experiments on methods beside the equations, one file each; ``reproduce.py`` runs them."""
