"""Controls of emotion-selective filters: what plain properties of pictures tell, and what they show."""
