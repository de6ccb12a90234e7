"""How stories are kept and how they change: databases, objects, the gate, the verbs."""
