"""Stored runs as one HTML file that needs nothing else: `python -m benchmarks.report`.

sections    what is shown: a section per table, its rows with their runs
pictures    stored sample pictures, and plots, as data URIs
page        the HTML: the sections put into `template/`, with the protocol's text
"""
