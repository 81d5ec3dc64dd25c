"""The school-year simulator: a district in which the truth is known, night after night."""
