"""Which files a run works on: selection by time, listing on the server, the sample of a manifest."""
