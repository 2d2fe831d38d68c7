"""The methods, one module each (or one folder): what it is called, its settings, how a child is prepared.

A module here defines ``METHOD``, a ``Declared``, and is found by that; nothing else names it. It is read by
processes without torch, so torch is imported in ``prepare`` or in what that imports.
"""
