"""The same network made by several tools on one lab host, side by side: `make bench`."""
