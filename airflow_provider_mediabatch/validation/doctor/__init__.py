"""What ``mediabatch doctor`` checks: the installation, the account, the role, and the settings of a batch."""
