"""What people see: commands, tables on the terminal, the page."""
