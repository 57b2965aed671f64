"""The pictures behind the cells of figure 6: in the notebook, and in the report where they may be shown."""
