"""The operations of tensors by name: one file a family, entered into `table.OPERATIONS` where it is imported."""
