"""The dialect of Clever's Data API, versions 3.0 and 3.1: an existing client changes its base URL and reads on."""
