"""From a statement's text to its handler and to its result, and the engine that owns all of it."""
