"""OneRoster 1.2: rostering, gradebook and resources, each on its own base, from the documents of 1.1."""
