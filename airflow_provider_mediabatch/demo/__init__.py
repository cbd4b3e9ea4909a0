"""What ``mediabatch demo`` runs: real models, real photographs and real speech, on the local engine."""
