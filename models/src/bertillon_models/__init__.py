"""Makes and judges model bundles: export, quantisation, concept vectors, term index, evaluation."""
