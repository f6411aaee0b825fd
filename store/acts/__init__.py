"""How each command is carried out; called by `store.apply` alone."""
