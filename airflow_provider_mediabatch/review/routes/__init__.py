"""The review page's routes, one module for each page."""
