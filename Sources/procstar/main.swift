print("procstar")
