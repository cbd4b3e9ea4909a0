"""Whether a batch can work, before anything is started: signature, environment, privileges."""
