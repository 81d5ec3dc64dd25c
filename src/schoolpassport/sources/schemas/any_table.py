"""Any CSV or Excel: which files hold what, and which columns are which attributes, a district says once."""

from schoolpassport.sources.schemas.canonical import FILES
from schoolpassport.sources.schemas.shape import Schema

SCHEMA = Schema(name="any-table", title="Any CSV or Excel", version="any", files=FILES, tabled=True, names_by_id=True)
