"""What runs inside the sandbox before the program does. Standard library only, imported alone."""
