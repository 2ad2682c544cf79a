"""Programs that measure, train and write the tables in README and docs."""
