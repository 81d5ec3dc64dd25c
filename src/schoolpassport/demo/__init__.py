"""The demo: an invented district that behaves like a real one.

Keeps   `generator`, which writes OneRoster packages of any size from a seed, with everyday changes from one day to
        the next and every kind of trouble in them, and says beforehand what a correct reader must make of them.
Enter   the command line, the benches and the tests. No room of the house may import it.
Never   reads a real district's data, the clock or the network; the generator imports no room, no Django, and nothing
        but the standard library and DuckDB, so that what it promises is independent of the product it tries out.
"""
