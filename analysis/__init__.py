"""What follows from the evidence: the causal model, scenarios and runs."""
