"""What a person would use instead of gxtool, written as that person would write it and not slowed down."""
