"""What it means and what may happen: replay, projections, pace, forecasts, scores."""
