"""The model bundle: a directory of encoder, tokenizer, vectors and terms, and a manifest that proves it."""
