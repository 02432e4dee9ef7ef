"""One script read whole: configuration, claim, static trace, counterfactuals."""
