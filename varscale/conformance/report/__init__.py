"""The faces of a run: a table in the terminal, a page, JSON. Nothing is computed from samples here.

The table is `varscale.conformance.report.table`, the page `.html`, JSON `.as_json`.
"""
