"""The demo: an invented district that behaves like a real one, and the walk that shows the product with it.

Keeps   `generator`, which writes OneRoster packages of any size from a seed, with everyday changes from one day to
        the next and every kind of trouble in them, and says beforehand what a correct reader must make of them.
Enter   the command line, the benches and the tests. No room of the house may import it.
Never   reads a real district's data. The generator imports no room, no Django, nothing but the standard library and
        DuckDB, and asks neither clock nor network: what it promises is independent of the product it tries out.
"""
