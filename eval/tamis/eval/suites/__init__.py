"""The suites that are built in, one a TOML file, and what reads such files."""
