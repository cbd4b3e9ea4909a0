"""The budgets of the design, measured side by side with what a user would use instead: ``make bench``."""
