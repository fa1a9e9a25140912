"""The mapping core: rows that tie foreign fields to the record, compiled once, read in both directions.

It knows the rows, the converters and the record, and nothing of a syntax; the engines beside it do the rest.
"""
