"""Running the tests that authors write: cases, properties, coverage, reports."""
