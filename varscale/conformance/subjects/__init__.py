"""The subjects that varscale ships: JAX itself, its own doors, and the libraries beside them.

A module of each; it imports its library when it draws.
"""
