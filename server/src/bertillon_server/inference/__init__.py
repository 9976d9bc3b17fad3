"""Tokens and tensors: the encoder session, the scheduler that batches for it, vector search."""
