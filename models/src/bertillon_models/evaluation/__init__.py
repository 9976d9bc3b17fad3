"""Evaluation: how well the product does on sets that anyone can bring, with intervals."""
