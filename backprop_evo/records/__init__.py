"""Immutable values that rooms hand to each other. Standard library only, so that training needs no
service."""
