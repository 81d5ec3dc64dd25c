"""What the OneRoster 1.1 reference asks for, tried from outside: one file per part of the reference, one test per rule.

The product is a subprocess spoken to over HTTP; the truth is read from the CSV files it was given, in plain Python.
Nothing here imports the product.
"""
