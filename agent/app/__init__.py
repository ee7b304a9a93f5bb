"""The use cases behind the commands: what is done, without a word of how it was asked for."""
