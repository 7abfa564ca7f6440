"""The worked case: a synthetic organisation, written by code from a seed."""
