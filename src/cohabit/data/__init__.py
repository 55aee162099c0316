"""What a cohort is: its vocabulary, its tables and their ranks. Imports no other room."""
