"""What calls of libraries mean, as data: tables of names. `auditor.static.methods` and `.functions` read them."""
