"""The review page of samples and batches, and the sample's approval form."""
