"""What legs hear and say: prompts, recordings, speech, who speaks, machine detection."""
