"""The check-up's single checks, one noun a file. How they are run, mended and undone is `core.data.checks`."""
