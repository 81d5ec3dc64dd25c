"""What tests of several kinds share. A tool that only one folder needs lives in that folder."""
