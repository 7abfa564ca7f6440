"""koers: replay a log of check-ins, forecast key results, simulate running against changing.

The public face; each name is loaded when it is first used, so that `import koers` is cheap.
"""
