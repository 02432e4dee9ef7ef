"""What changed between two submissions: settings, functions, optimisers, evaluation, gain."""
