"""The site file as text and as typed values, every one of them with its place in the file."""
