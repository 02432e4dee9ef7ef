"""What the evaluator knows of a value: values, heap, lattice, provenance."""
