"""One room per framework, the same names in each; nothing is imported before it is asked for."""
