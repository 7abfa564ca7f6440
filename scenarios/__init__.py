"""What if: decisions compared on the same futures."""
