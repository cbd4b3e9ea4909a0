"""One batch inference job's life: submit it once, wait for it, verify its output, isolate the files that fail it."""
